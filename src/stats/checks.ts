/** Refusals shared by the formulas of this folder: bad input is named, never repaired. */

/** @throws {RangeError} when a value is NaN or infinite; the message names its index. */
export function requireFinite(values: ArrayLike<number>, what: string): void {
  for (let index = 0; index < values.length; index += 1) {
    if (!Number.isFinite(values[index])) {
      throw new RangeError(`${what}[${index}] is ${values[index]}: a finite number is needed`);
    }
  }
}

/** @throws {RangeError} when there is no value. */
export function requireSome(values: ArrayLike<number>, what: string): void {
  if (values.length === 0) {
    throw new RangeError(`${what} is empty: at least one value is needed`);
  }
}

/** @throws {RangeError} when `value` is not a whole number in [lowest, highest]. */
export function requireInteger(
  value: number,
  what: string,
  lowest: number,
  highest: number = Number.MAX_SAFE_INTEGER,
): void {
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    throw new RangeError(
      `${what} is ${value}: a whole number from ${lowest} to ${highest} is needed`,
    );
  }
}

/** @throws {RangeError} when `value` is not in (0, 1]. */
export function requireFraction(value: number, what: string): void {
  if (!(value > 0 && value <= 1)) {
    throw new RangeError(`${what} is ${value}: a fraction in (0, 1] is needed`);
  }
}

/** @throws {RangeError} when the lengths differ. */
export function requireSameLength(
  a: ArrayLike<number>,
  aName: string,
  b: ArrayLike<number>,
  bName: string,
): void {
  if (a.length !== b.length) {
    throw new RangeError(
      `${aName} has ${a.length} values and ${bName} has ${b.length}: they must match`,
    );
  }
}
