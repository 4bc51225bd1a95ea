/** What a worker says of itself when it connects, whole: for tests that need one. */
import { type Hello, PROTOCOL_VERSION } from "../../src/protocol/messages.js";

export const helloMessage: Hello = {
  kind: "hello",
  protocol: PROTOCOL_VERSION,
  session: "s",
  pid: 1,
  host: "node-1",
  engine: "x",
  version: "1",
  capabilities: {
    sft: true,
    stages: true,
    lora: true,
    critic: true,
    prefix_baseline: true,
    ema: true,
    checkpoint: true,
    completions: true,
    kl_loss: true,
    bitwise: true,
    common_random_numbers: true,
    distributed: false,
    harness: true,
  },
  engine_options: { type: "object", properties: {}, additionalProperties: false },
  limits: [],
  figures: {
    update: { loss_policy: { unit: "", description: "the policy's term of the loss" } },
    evaluate: { perplexity: { unit: "", description: "of held-out texts" } },
    stage: { loss: { unit: "", description: "the last of the curve" } },
  },
};
