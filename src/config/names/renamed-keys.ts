/**
 * Keys of the configuration that had another name: older name → the name now. An older file or
 * record is refused with the new name (keys that others set have second names: second-names.ts). A section alone stands for all its
 * keys, and a section's key for an arm's own, too.
 */
export const renamedKeys: Readonly<Record<string, string>> = {
  "training.average_decay": "training.ema_decay",
  "sampling.hard_share": "sampling.batch_fraction",
  "sampling.hard_quantile": "sampling.hard_fraction",
  "evaluation.tail_quantile": "evaluation.tail_fraction",
  "reward.max_failed_share": "reward.max_failed_fraction",
  "evaluation.judge": "evaluation.judges",
};

/** @returns the key's name now; null: it never had another */
export function renamedTo(
  key: string,
  table: Readonly<Record<string, string>> = renamedKeys,
): string | null {
  if (Object.hasOwn(table, key)) return table[key]!;
  const dot = key.lastIndexOf(".");
  if (dot < 0) return null;
  const above = renamedTo(key.slice(0, dot), table);
  return above === null ? null : `${above}${key.slice(dot)}`;
}
