/**
 * The threshold of the hinge reward, from samples of the reference policy alone.
 *
 * max_π CVaR_α(R) − β·KL(π‖π_ref) = max_t { t + max_π E[−(t − R)₊/α] − β·KL }, and the inner maximum is
 * β·E_x log E_{y∼π_ref} exp(−(t − R)₊/(αβ)) (Rockafellar & Uryasev 2000 for the outer form, the Gibbs
 * variational principle for the inner). Both are concave in t.
 */

export interface ReferenceSamples {
  /** R, one per episode. */
  readonly rewards: ArrayLike<number>;
  /** Place of each episode's prompt; a prompt's completions are adjacent. */
  readonly prompt: ArrayLike<number>;
  /** α in (0, 1]. */
  readonly alpha: number;
  /** β > 0. */
  readonly beta: number;
}

/** Narrower than this, as a fraction of the rewards' range, the search ends. */
const precision = 1e-9;

/**
 * t* = argmax_t t + β·E_x log E_y exp(−(t − R)₊/(αβ)), by golden-section search between the lowest
 * and the highest reward: outside, the objective falls.
 *
 * @throws {RangeError} when β is not over 0: the optimum is then the best reward of each prompt
 */
export function solvedThreshold(samples: ReferenceSamples): number {
  const { rewards, beta } = samples;
  if (!(beta > 0)) {
    throw new RangeError(`beta is ${beta}: a threshold is solved for a KL penalty over 0`);
  }
  let low = Infinity;
  let high = -Infinity;
  for (let episode = 0; episode < rewards.length; episode += 1) {
    low = Math.min(low, rewards[episode]!);
    high = Math.max(high, rewards[episode]!);
  }
  const narrow = precision * (high - low);
  const golden = (Math.sqrt(5) - 1) / 2;
  let left = high - golden * (high - low);
  let right = low + golden * (high - low);
  let atLeft = regularisedOptimum(samples, left);
  let atRight = regularisedOptimum(samples, right);
  while (high - low > narrow) {
    if (atLeft >= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - golden * (high - low);
      atLeft = regularisedOptimum(samples, left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + golden * (high - low);
      atRight = regularisedOptimum(samples, right);
    }
  }
  return (low + high) / 2;
}

/** t + β·E_x log E_{y∼π_ref} exp(−(t − R)₊/(αβ)): what the best policy reaches with this t. */
export function regularisedOptimum(
  { rewards, prompt, alpha, beta }: ReferenceSamples,
  threshold: number,
): number {
  let prompts = 0;
  let total = 0;
  for (let from = 0; from < rewards.length; ) {
    let to = from;
    let best = -Infinity;
    while (to < rewards.length && prompt[to] === prompt[from]) {
      best = Math.max(best, -Math.max(0, threshold - rewards[to]!) / (alpha * beta));
      to += 1;
    }
    let sum = 0;
    for (let episode = from; episode < to; episode += 1) {
      sum += Math.exp(-Math.max(0, threshold - rewards[episode]!) / (alpha * beta) - best);
    }
    total += best + Math.log(sum / (to - from));
    prompts += 1;
    from = to;
  }
  return threshold + (beta * total) / prompts;
}
