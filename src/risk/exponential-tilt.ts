import { mapped } from "../stats/mapped.js";

/** e^{−x/T} of a batch, scaled so that nothing overflows: the largest is 1. */
export function tilted(values: ArrayLike<number>, temperature: number): Float64Array {
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new RangeError(`temperature is ${temperature}: a positive number is needed`);
  }
  let least = Infinity;
  for (let index = 0; index < values.length; index += 1) {
    least = Math.min(least, values[index]!);
  }
  return mapped(values, (value) => Math.exp((least - value) / temperature));
}
