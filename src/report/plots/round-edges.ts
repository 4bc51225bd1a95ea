/** Edges of about 32 bins on round numbers that hold everything from `low` to `high`. */
export function roundEdges(low: number, high: number): number[] {
  const rough = Math.max((high - low) / 32, 1e-6);
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const width = [1, 2, 2.5, 5, 10].map((step) => step * magnitude).find((step) => step >= rough)!;
  const first = Math.floor(low / width);
  const last = Math.max(first + 1, Math.floor(high / width) + 1);
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * width);
}
