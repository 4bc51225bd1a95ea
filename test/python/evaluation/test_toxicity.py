"""The protocol of RealToxicityPrompts: completions scored alone, memory that does not grow."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from averse_worker.data.text import read_tokens
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.evaluation.distinct import distinct_of_prompt
from averse_worker.evaluation.fluency import FluencyModel
from averse_worker.evaluation.toxicity import Continuations, evaluate_toxicity
from averse_worker.models.policy import Policy
from averse_worker.rewards.scoring import Scorer
from averse_worker.rollout.generate import Sampler
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from payloads import classifier, evaluate_payload, load_payload, toxicity_payload
from tiny_models import LetterReward, make_policy, no_report, write_classifier


class Seen(LetterReward):
    """Remembers what it was given, call by call."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append([str(text) for text in texts])
        return -super().score(texts) / 100


@pytest.fixture(scope="module")
def policy(language_model: Path) -> Policy:
    return make_policy(language_model)


def prompts_of(policy: Policy, count: int) -> Prompts:
    tokens = [[0, 60 + i] + [40] * (i % 3) for i in range(count)]
    texts = read_tokens(policy.tokenizer, policy.end_tokens, tokens)
    return Prompts(np.arange(100, 100 + count, dtype=np.uint32), tokens, texts)


def measured(
    policy: Policy, rows: Sequence[int], sampler: Sampler, scorer: Seen, fluency: bool = False
) -> Continuations:
    lm = FluencyModel(policy.actor.causal, policy.tokenizer, torch.device("cpu"))
    return evaluate_toxicity(
        policy,
        prompts_of(policy, 9),
        np.array(rows, dtype=np.intp),
        4,
        11,
        sampler,
        Scorer(scorer, 0),
        lm if fluency else None,
        no_report,
    )


def test_completions_are_scored_without_their_prompts(policy: Policy) -> None:
    scorer = Seen()
    found = measured(policy, [2, 5], Sampler(6, min_new_tokens=1, minibatch=4), scorer)
    first, second, alone = scorer.calls
    prompts = prompts_of(policy, 9)
    assert [len(first), len(second)] == [4, 4]
    assert alone == [str(prompts.texts[2]), str(prompts.texts[5])]
    assert not any(text.startswith(str(prompts.texts[2])) for text in first)
    np.testing.assert_array_equal(found.scores.values, Seen().score(first + second))
    expected = statistics.fmean(distinct_of_prompt(own, 2) or 0.0 for own in (first, second))
    assert found.figures["dist_2_per_prompt"] == pytest.approx(expected)


@pytest.mark.parametrize("minibatch", [0, 1, 5, 8])
def test_how_many_are_in_memory_changes_nothing(policy: Policy, minibatch: int) -> None:
    plain = measured(policy, range(9), Sampler(6, min_new_tokens=1, top_p=0.9), Seen(), True)
    scorer = Seen()
    sampler = Sampler(6, min_new_tokens=1, top_p=0.9, minibatch=minibatch)
    found = measured(policy, range(9), sampler, scorer, True)
    np.testing.assert_array_equal(found.scores.values, plain.scores.values)
    assert found.figures == pytest.approx(plain.figures, rel=1e-5)
    # All completions of a prompt together, and no more than that where the limit is lower.
    assert max(map(len, scorer.calls)) == max({0: 36}.get(minibatch, 4 * (minibatch // 4)), 9, 4)


def test_a_prompt_has_the_same_completions_among_others(policy: Policy) -> None:
    sampler = Sampler(6, min_new_tokens=1)
    every = measured(policy, range(9), sampler, Seen()).scores.values
    some = measured(policy, [7, 2], sampler, Seen()).scores.values
    np.testing.assert_array_equal(some, np.concatenate([every[28:32], every[8:12]]))


def test_a_score_that_fails_is_no_number(policy: Policy) -> None:
    class Broken(Seen):
        def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
            values = super().score(texts)
            values[np.flatnonzero(values == values.min())] = np.nan
            return values

    found = measured(policy, [0, 1], Sampler(6, minibatch=4), Broken())
    assert set(found.scores.failures) == set(np.flatnonzero(np.isnan(found.scores.values)).tolist())
    assert {position // 4 for position in found.scores.failures} == {0, 1}
    assert all(reason.kind == "not-finite" for reason in found.scores.failures.values())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", ["multi_label_classification", "single_label_classification"])
def test_scores_are_the_probabilities_of_transformers(
    torch_load: LoadPayload, tmp_path: Path, sign: int, kind: str
) -> None:
    """Of a multi-label head the sigmoid of the label, of any other the softmax; times the sign."""
    labels = {0: "toxic", 1: "obscene", 2: "insult"}
    folder = write_classifier(tmp_path, "distilbert", 3, problem_type=kind, id2label=labels)
    scorer = classifier(str(folder), labels=["obscene"], output="probability", sign=sign)
    asked = {"name": "tox", "scorer": {**scorer, "text": "completion"}}
    evaluation = {"toxicity": asked, "fluency": None, "tasks": []}
    engine = TorchEngine()
    loaded = engine.load(load_payload(torch_load, evaluation=evaluation), no_report)
    prompts = uint32_array(loaded.test.ids)[:6]
    told = engine.evaluate(evaluate_payload(prompts, samples=range(6)), no_report)
    texts = [sample.text.removeprefix("<|endoftext|>") for sample in told.samples]
    found = engine.toxicity(toxicity_payload(prompts), no_report)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    expected = []
    for text in texts:
        with torch.no_grad():
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
        multi = kind.startswith("multi")
        expected.append(float((logits.sigmoid() if multi else logits.softmax(-1))[1]))
    np.testing.assert_allclose(
        float32_array(found.prompts.scores), sign * np.array(expected), rtol=1e-4
    )
    scores = float32_array(found.completions.scores)
    assert scores.shape == (18,)
    assert ((sign * scores > 0) & (sign * scores < 1)).all()


def test_the_temperature_is_the_protocols_own(policy: Policy, language_model: Path) -> None:
    """Near zero it is the most likely token, whatever the policy samples with elsewhere."""
    scorer = Seen()
    sampler = Sampler(1, min_new_tokens=1, temperature=1e-4)
    measured(policy, [0], sampler, scorer)
    assert len(set(scorer.calls[0])) == 1
    causal = AutoModelForCausalLM.from_pretrained(language_model)
    with torch.no_grad():
        logits = causal(torch.tensor([prompts_of(policy, 1).tokens[0]])).logits[0, -1]
    logits[[0, 1, 320, 321, 322, 323]] = -math.inf
    best = int(logits.argmax())
    [text] = read_tokens(policy.tokenizer, policy.end_tokens, [[0, 60]], [[best]])
    assert scorer.calls[0][0] == text.completion
    assert policy.rule.temperature == 1
