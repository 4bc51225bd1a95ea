/** Rates from two figures of a device, where it was not measured. */
import type { Rates } from "./speed.js";

/** Bytes that a step of AdamW reads and writes per parameter: weight, gradient, two moments; all but the gradient back. */
const STEP_BYTES = 28;

/**
 * @param operations floating-point operations per second that matrix products reach, not the data sheet's
 * @param bandwidth bytes per second of the device's memory
 * @param computeBytes per number in matrix products
 */
export function givenRates(operations: number, bandwidth: number, computeBytes: number): Rates {
  return {
    points: [
      {
        width: 1,
        forward: operations,
        training: operations,
        decode_weight: computeBytes / bandwidth,
        decode_row: 2 / operations,
        step: STEP_BYTES / bandwidth,
      },
    ],
    logit: { forward: 0, decode: 0, training: 0 },
  };
}
