/** A stage of the KL penalty's weight β in words. */
export interface KlStageNumbers {
  /** From 0. */
  readonly from: number;
  readonly beta: number | null;
  readonly target: number | null;
  readonly k_beta: number | null;
}

/** `from iteration 11: β 0.1, target 4 nats` */
export function klStageWords({ from, beta, target, k_beta }: KlStageNumbers): string {
  const changes = [
    ...(beta === null ? [] : [`β ${beta}`]),
    ...(target === null ? [] : [`target ${target} nats`]),
    ...(k_beta === null ? [] : [k_beta === 0 ? "β fixed" : `gain ${k_beta}`]),
  ];
  return `from iteration ${from + 1}: ${changes.join(", ")}`;
}
