import { formatNumber } from "./numbers.js";

/** What shows that a policy no longer writes text: KL in nats per episode, or perplexity. */
export type Divergence =
  | { readonly kind: "perplexity"; readonly perplexity: number }
  | { readonly kind: "kl"; readonly kl: number; readonly target: number };

/** In words that follow a colon, the same in logs, views and reports. */
export function divergenceText(sign: Divergence): string {
  return sign.kind === "perplexity"
    ? `its perplexity is ${formatNumber(sign.perplexity, 0)}`
    : `its KL is ${formatNumber(sign.kl, 1)} nats per episode, with kl.target at ${sign.target}`;
}
