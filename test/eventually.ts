import { setTimeout as pause } from "node:timers/promises";

const LIMIT_MS = 60_000;
const INTERVAL_MS = 5;

/**
 * Waits until it no longer throws; only a fault, or a machine that is very busy, takes long.
 *
 * @throws what it threw last
 */
export async function eventually<Result>(look: () => Result | Promise<Result>): Promise<Result> {
  const until = performance.now() + LIMIT_MS;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > until) throw error;
    }
    await pause(INTERVAL_MS);
  }
}
