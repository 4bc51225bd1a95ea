/**
 * How fast a backend computes, as `averse doctor --backend NAME` measures it at a few widths: rates of
 * matrix products depend on how wide they are, so between two widths they are read off a straight line
 * in the logarithm of the width, and beyond them taken as they are.
 */
import { z } from "zod";

const positive = z.number().positive();

export const speedPoint = z.strictObject({
  width: positive.describe("of the hidden state"),
  forward: positive.describe("floating-point operations per second of a pass without gradients"),
  training: positive.describe("of forward and backward passes, counted as three forward passes"),
  decode_weight: z
    .number()
    .nonnegative()
    .describe("seconds per parameter of one token's pass, however many rows"),
  decode_row: positive.describe("seconds per parameter and row of one token's pass"),
  step: z.number().nonnegative().describe("seconds per trained parameter of an optimizer step"),
});

/** Seconds per logit beyond its matrix product: softmax, entropy, the draw. */
export const logitSeconds = z.strictObject({
  forward: z.number().nonnegative(),
  decode: z.number().nonnegative(),
  training: z.number().nonnegative(),
});

export const backendSpeed = z.strictObject({
  backend: z.string(),
  device: z.string(),
  device_name: z.string(),
  dtype: z.string(),
  threads: z.int().nonnegative(),
  /** Of the device, or of the host; null: not known. */
  memory_bytes: positive.nullable(),
  measured: z.string().describe("when, ISO 8601"),
  points: z.array(speedPoint).min(1).describe("by width, ascending"),
  logit: logitSeconds,
});

export type SpeedPoint = z.infer<typeof speedPoint>;
export type LogitSeconds = z.infer<typeof logitSeconds>;
export type BackendSpeed = z.infer<typeof backendSpeed>;

/** What the time of an iteration is reckoned with. */
export type Rates = Pick<BackendSpeed, "points" | "logit">;

/** The rates at a width. */
export function speedAt(points: readonly SpeedPoint[], width: number): SpeedPoint {
  const above = points.findIndex((point) => point.width >= width);
  const [low, high] =
    above < 0
      ? [points.at(-1)!, points.at(-1)!]
      : [points[Math.max(0, above - 1)]!, points[above]!];
  if (low.width === high.width) return { ...low, width };
  const part = Math.log(width / low.width) / Math.log(high.width / low.width);
  const between = (name: keyof SpeedPoint) => low[name] + part * (high[name] - low[name]);
  return {
    width,
    forward: between("forward"),
    training: between("training"),
    decode_weight: between("decode_weight"),
    decode_row: between("decode_row"),
    step: between("step"),
  };
}
