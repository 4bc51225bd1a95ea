"""Judges a policy on given prompts, with the same luck for whichever policy is judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.data.text import Text
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.contract import Report
from averse_worker.engine.texts import completion_of
from averse_worker.evaluation.distinct import distinct
from averse_worker.evaluation.perplexity import _spread
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.policy import Policy
from averse_worker.platform.finite import check_finite
from averse_worker.rewards.contract import Scores
from averse_worker.rewards.scoring import Scorer
from averse_worker.rollout.collect import full_texts
from averse_worker.rollout.generate import Sampler, sample, uniforms_of_prompts
from averse_worker.rollout.reference import reference_log_probs
from averse_worker.wire.messages.evaluation import Sample

# Episodes sampled at once where rollout.minibatch sets no limit: evaluations may be large.
_BATCH: Final = 128


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
    completions = completion_tokens(drawn.responses, policy.end_tokens)
    return Evaluation(
        scored,
        judged,
        log_ratios.sum(1).cpu().numpy(),
        drawn.responses.lengths.cpu().numpy().astype(np.uint32),
        (distinct(completions, 1), distinct(completions, 2), distinct(completions, 3)),
        _samples(policy, prompts, scores, rows, texts, scored, samples),
    )


def completion_tokens(responses: Responses, end_tokens: Sequence[int]) -> list[list[int]]:
    """Generated tokens of each episode, without the end token."""
    rows = responses.tokens.tolist()
    cut = [row[:n] for row, n in zip(rows, responses.lengths.tolist(), strict=True)]
    return [row[:-1] if row[-1] in end_tokens else row for row in cut]


def _samples(
    policy: Policy,
    prompts: Prompts,
    scores: NDArray[np.float32],
    rows: NDArray[np.intp],
    texts: list[Text],
    scored: Scores,
    count: int,
) -> list[Sample]:
    """`count` episodes at even ranks of the prompt's score, the worst prompt first."""
    by_score = np.argsort(scores[rows], kind="stable")
    out = []
    for place in _spread(len(rows), count):
        episode = int(by_score[place])
        row = rows[episode]
        prompt = prompts.texts[row].written
        out.append(
            Sample(
                prompt=int(prompts.ids[row]),
                text=prompt,
                completion=completion_of(prompt, texts[episode].written),
                reward=None if episode in scored.failures else float(scored.values[episode]),
            )
        )
    return out
