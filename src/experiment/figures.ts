/**
 * A float32 array for the journal: nine significant digits, which give back the very same float32
 * and are half as long as its double; null for NaN and ±∞, which JSON lacks.
 */
export function figures(array: Float32Array): (number | null)[] {
  return Array.from(array, (value) =>
    Number.isFinite(value) ? Number(value.toPrecision(9)) : null,
  );
}
