/** Which repeatability a run claims, and what it gives up for speed. */
export interface Determinism {
  level: "bitwise" | "statistical";
  /** What it means, and under which conditions. */
  holds: string;
  /** As reported by the workers; empty: nothing. */
  given_up: string[];
}

const sameSet = "same seed, machine, package versions and thread count";

/** @param workers what each worker that has loaded cannot promise; none yet: the least is claimed */
export function determinismOf(workers: readonly (readonly string[])[]): Determinism {
  const given_up = [...new Set(workers.flat())];
  return workers.length > 0 && given_up.length === 0
    ? {
        level: "bitwise",
        holds: `${sameSet}: rollout, update and evaluation give the same bits`,
        given_up,
      }
    : {
        level: "statistical",
        holds: `${sameSet}: the same prompts and random numbers, figures that may differ by rounding`,
        given_up,
      };
}
