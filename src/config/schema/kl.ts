/** The KL penalty and the controller of its coefficient β. */
import { z } from "zod";
import { nonNegative, positive } from "./fields.js";

export const klSchema = z.strictObject({
  target: positive.default(6).describe("nats per episode"),
  beta: nonNegative.default(0.2).describe("β at the start"),
  k_beta: nonNegative.default(0.0128).describe("gain of the controller; 0: β is fixed"),
  clip: positive.default(0.2).describe("bound of the relative error"),
  population: z
    .enum(["kept", "batch", "kept-over-batch"])
    .default("kept")
    .describe(
      "episodes the mean KL is taken over; kept-over-batch: the reference code's looser leash",
    ),
});
