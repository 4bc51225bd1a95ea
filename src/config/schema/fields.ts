/** Kinds of value that several sections share. */
import { z } from "zod";

export const positiveInt = z.int().positive();
/** What seeds a stream of random numbers. */
export const word = z.int().min(0).max(0xffff_ffff);
export const count = z.int().nonnegative();
export const fraction = z.number().min(0).max(1);
export const openFraction = z.number().gt(0).max(1);
export const positive = z.number().positive();
export const nonNegative = z.number().nonnegative();

/** Run, experiment and arm names become folder names: they cannot leave the runs folder. */
export const armNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** With the arms that a sweep makes: `ra-rlhf_alpha=0.2`. */
export const resolvedArmPattern = /^[a-z0-9][a-z0-9._=-]{0,63}$/;
export const name = z
  .string()
  .regex(armNamePattern, "lower-case letters, digits, '.', '_' and '-', at most 64");

/** Which version of a model on the hub. */
export const revision = z
  .string()
  .min(1)
  .nullable()
  .default(null)
  .describe("commit, branch or tag of a hub id; null: the newest");
/** Whether code of the model's own may run. */
export const trustRemoteCode = z
  .boolean()
  .default(false)
  .describe("let the model run its own Python code; from the hub, revision must be a commit");

/** How the learning rate of fine-tuning and of stages goes, after its warm-up. */
export const learningRateSchedule = z
  .enum(["constant", "linear", "cosine"])
  .describe("course of the learning rate after warm-up; linear and cosine: down to 0");
