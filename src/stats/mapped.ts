/**
 * A number of each value, in double precision. A plain loop: `from` with a function goes through an
 * iterator, and takes ten times as long on the batches of a step.
 */
export function mapped(
  values: ArrayLike<number>,
  rule: (value: number, place: number) => number,
): Float64Array {
  const found = new Float64Array(values.length);
  for (let place = 0; place < values.length; place += 1) {
    found[place] = rule(values[place]!, place);
  }
  return found;
}
