"""Judges a policy on given prompts, with the same luck for whichever policy is judged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from averse_worker.batches import Layout, PaddedPrompts, Responses
from averse_worker.data import Prompts
from averse_worker.distinct import distinct
from averse_worker.engine import Report
from averse_worker.head import PLAIN
from averse_worker.messages import Sample
from averse_worker.policy import Policy
from averse_worker.rollout import check_finite, full_texts, reference_log_probs
from averse_worker.sampling import Sampler, sample, uniforms_of_prompts
from averse_worker.scores import Scores
from averse_worker.scoring import Scorer
from averse_worker.texts import completion_of

# Episodes sampled at once where rollout.minibatch sets no limit: evaluations may be large.
_BATCH: Final = 128
# Held-out texts for perplexity, and how much of each: a bound on the time of an evaluation.
_TEXTS: Final = 512
_TEXT_TOKENS: Final = 512
_TEXT_BATCH: Final = 32


@dataclass(frozen=True)
class Evaluation:
    """Arrays are [N], in the order of the prompts asked for."""

    reward: Scores
    judge: Scores | None
    kl: NDArray[np.float32]
    lengths: NDArray[np.uint32]
    distinct: tuple[float, float, float]
    samples: list[Sample]


def evaluate(
    policy: Policy,
    prompts: Prompts,
    scores: NDArray[np.float32],
    rows: NDArray[np.intp],
    seed: int,
    sampler: Sampler,
    reward: Scorer,
    judge: Scorer | None,
    samples: int,
    report: Report,
) -> Evaluation:
    """Samples one completion for each of `rows` (positions in `prompts`) and scores them.

    A completion depends on the weights, the seed and its own prompt, not on the other prompts.

    Raises:
        Diverged: log-probabilities are not finite.
    """
    asked = [int(prompts.ids[row]) for row in rows]
    padded = PaddedPrompts.of(
        [prompts.tokens[row] for row in rows], policy.pad_token, policy.device.torch_device
    )
    limited = Sampler(
        sampler.new_tokens,
        sampler.min_new_tokens,
        sampler.top_k,
        sampler.top_p,
        sampler.minibatch or _BATCH,
    )
    drawn = sample(
        policy,
        padded,
        uniforms_of_prompts(seed, asked, sampler.new_tokens),
        limited,
        lambda done, total: report("evaluate", done, total, "tokens"),
    )
    reference = reference_log_probs(policy, padded, drawn.responses, limited, report)
    log_ratios = drawn.log_probs - reference
    check_finite(log_ratios, "log-probabilities")
    texts = full_texts(policy, prompts, rows, drawn.responses)
    report("reward", 0, len(texts), "texts")
    scored = reward.score(texts, lambda done, total: report("reward", done, total, "texts"))
    judged = None
    if judge is not None:
        judged = judge.score(texts, lambda done, total: report("judge", done, total, "texts"))
    completions = completion_tokens(drawn.responses, policy.end_token)
    return Evaluation(
        scored,
        judged,
        log_ratios.sum(1).cpu().numpy(),
        drawn.responses.lengths.cpu().numpy().astype(np.uint32),
        (distinct(completions, 1), distinct(completions, 2), distinct(completions, 3)),
        _samples(policy, prompts, scores, rows, texts, scored, samples),
    )


def completion_tokens(responses: Responses, end_token: int) -> list[list[int]]:
    """Generated tokens of each episode, without the end token."""
    rows = responses.tokens.tolist()
    cut = [row[:n] for row, n in zip(rows, responses.lengths.tolist(), strict=True)]
    return [row[:-1] if row[-1] == end_token else row for row in cut]


@torch.inference_mode()
def perplexity(policy: Policy, texts: Sequence[str], context: int, report: Report) -> float:
    """exp of the mean negative log-likelihood a token (after each text's first), of `texts`.

    Of the model's own distribution: temperature 1, no token forbidden. At most 512 texts, spread
    evenly over those given, and 512 tokens (or the context) of each.
    """
    chosen = [texts[i] for i in _spread(len(texts), _TEXTS)]
    limit = min(context, _TEXT_TOKENS)
    encoded = policy.tokenizer(chosen, truncation=True, max_length=limit).input_ids
    rows = sorted((ids for ids in encoded if len(ids) > 1), key=len)
    loss, count = 0.0, 0
    for start in range(0, len(rows), _TEXT_BATCH):
        report("perplexity", start, len(rows), "texts")
        batch = rows[start : start + _TEXT_BATCH]
        width = max(map(len, batch)) - 1
        device = policy.device.torch_device
        padded = [ids[1:] + [policy.pad_token] * (width + 1 - len(ids)) for ids in batch]
        prompts = PaddedPrompts.of([ids[:1] for ids in batch], policy.pad_token, device)
        lengths = torch.tensor([len(ids) - 1 for ids in batch], device=device)
        responses = Responses(torch.tensor(padded, device=device), lengths)
        layout, valid = Layout.of(prompts, responses), responses.valid()
        with policy.device.autocast():
            hidden = policy.actor.hidden(layout.tokens, layout.positions, None, layout.keep)
            chosen_logs, _ = policy.actor.log_probs(
                hidden[valid], responses.tokens[valid], PLAIN, None
            )
        loss -= float(chosen_logs.cpu().double().sum())
        count += chosen_logs.numel()
    report("perplexity", len(rows), len(rows), "texts")
    return math.exp(min(loss / count, 700.0))


def _samples(
    policy: Policy,
    prompts: Prompts,
    scores: NDArray[np.float32],
    rows: NDArray[np.intp],
    texts: list[str],
    scored: Scores,
    count: int,
) -> list[Sample]:
    """`count` episodes at even ranks of the prompt's score, the worst prompt first."""
    by_score = np.argsort(scores[rows], kind="stable")
    out = []
    for place in _spread(len(rows), count):
        episode = int(by_score[place])
        row = rows[episode]
        prompt = prompts.texts[row]
        out.append(
            Sample(
                prompt=int(prompts.ids[row]),
                text=prompt,
                completion=completion_of(prompt, texts[episode]),
                reward=None if episode in scored.failures else float(scored.values[episode]),
            )
        )
    return out


def _spread(available: int, wanted: int) -> list[int]:
    """`wanted` whole numbers (at most `available`), evenly from 0 to available − 1."""
    count = min(available, wanted)
    return [round(i) for i in np.linspace(0, available - 1, count)] if count else []
