/** The standard normal distribution: its probabilities and quantiles. */

/**
 * Φ(z), with an error under 1e-14 (Hart's rational approximation 5666, in the form of West, "Better
 * approximations to cumulative normal functions", Wilmott 2005).
 */
export function normalCdf(z: number): number {
  const size = Math.abs(z);
  if (size > 37) {
    return z > 0 ? 1 : 0;
  }
  const density = Math.exp((-size * size) / 2);
  let tail: number;
  if (size < 7.071067811865475) {
    const above = polynomial(hartAbove, size);
    tail = (density * above) / polynomial(hartBelow, size);
  } else {
    const fraction = size + 1 / (size + 2 / (size + 3 / (size + 4 / (size + 0.65))));
    tail = density / (fraction * Math.sqrt(2 * Math.PI));
  }
  return z > 0 ? 1 - tail : tail;
}

/**
 * Φ⁻¹(p), good to 1e-15 of its size (Wichura, algorithm AS 241, Applied Statistics 37, 1988).
 *
 * @param p in (0, 1)
 * @throws {RangeError} when p is not
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) {
    throw new RangeError(`p is ${p}: a probability in (0, 1) is needed`);
  }
  const fromMiddle = p - 0.5;
  if (Math.abs(fromMiddle) <= 0.425) {
    const r = 0.180625 - fromMiddle * fromMiddle;
    return (fromMiddle * polynomial(nearAbove, r)) / polynomial(nearBelow, r);
  }
  const r = Math.sqrt(-Math.log(fromMiddle < 0 ? p : 1 - p));
  const size =
    r <= 5
      ? polynomial(farAbove, r - 1.6) / polynomial(farBelow, r - 1.6)
      : polynomial(outAbove, r - 5) / polynomial(outBelow, r - 5);
  return fromMiddle < 0 ? -size : size;
}

/** Coefficients from the highest power down. */
function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0;
  for (const coefficient of coefficients) {
    value = value * x + coefficient;
  }
  return value;
}

const hartAbove = [
  0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
  221.213596169931, 220.206867912376,
];
const hartBelow = [
  0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
  637.333633378831, 793.826512519948, 440.413735824752,
];
const nearAbove = [
  2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
  1971.5909503065513, 133.14166789178438, 3.3871328727963665,
];
const nearBelow = [
  5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
  687.1870074920579, 42.31333070160091, 1,
];
const farAbove = [
  0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684,
  3.6478483247632045, 5.769497221460691, 4.630337846156546, 1.4234371107496835,
];
const farBelow = [
  1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008,
  0.6897673349851, 1.6763848301838038, 2.053191626637759, 1,
];
const outAbove = [
  2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124,
  0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103,
];
const outBelow = [
  2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133,
  0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1,
];
