"""Best-of-n, an instruction and DExperts against transformers alone: one row at a time, with
neither padding nor cache."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer, TopPLogitsWarper

from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.evaluation.evaluate import Evaluation, evaluate
from averse_worker.wire.messages.load import LoadPayload
from payloads import load_payload
from plain import NEVER, at, next_token_log_probs, plain_model
from tiny_models import write_language_model

pytestmark = pytest.mark.filterwarnings("ignore")

PROMPTS, END, PAD = 5, 0, 1
FORBIDDEN = (PAD, 320, 321, 322, 323)
"""Padding, and the rows of vocabulary without a token."""
RULE: dict[str, Any] = {"end": END, "forbidden": FORBIDDEN, "min_new_tokens": 1}


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


def evaluated(
    load: LoadPayload,
    decoding: dict[str, Any] | None,
    completions: int = 1,
    condition: int | None = None,
    **changes: Any,
) -> tuple[Evaluation, list[tuple[list[int], list[int]]]]:
    """Of the first test prompts; and the tokens of each prompt and completion, its end in."""
    engine = TorchEngine()
    engine.load(load_payload(load, decoding=decoding, **changes), quiet)
    loaded = engine._loaded
    assert loaded is not None
    prompts = loaded.prompts["test"].prompts
    found = evaluate(
        loaded.training.policy,
        prompts,
        np.arange(PROMPTS).repeat(completions),
        3,
        loaded.sampler,
        loaded.rewards,
        {},
        quiet,
        candidates=loaded.candidates,
        condition=condition,
    )
    drawn = [
        [*tokens, END] if len(tokens) < length else list(tokens)
        for tokens, length in zip(found.completions, found.lengths, strict=True)
    ]
    return found, [(prompts.tokens[row], own) for row, own in zip(found.rows, drawn, strict=True)]


def decoding(**changes: Any) -> dict[str, Any]:
    return {"best_of": 1, "experts": None} | changes


def test_best_of_is_the_best_of_the_completions_that_sampling_would_draw(
    torch_load: LoadPayload,
) -> None:
    candidates = 4
    best, chosen = evaluated(torch_load, decoding(best_of=candidates))
    every, drawn = evaluated(torch_load, None, completions=candidates)
    groups = every.reward.reshape(PROMPTS, candidates)
    places = groups.argmax(1) + np.arange(PROMPTS) * candidates
    np.testing.assert_allclose(best.reward, groups.max(1), rtol=1e-6)
    assert chosen == [drawn[place] for place in places]
    # Chosen, but still of the reference's own distribution.
    assert abs(best.kl).max() < 1e-4


def steered_log_probs(
    models: list[Any], prompt: list[int], response: list[int], strength: float, filter_p: float
) -> Tensor:
    """[T, V] of DExperts with transformers' own nucleus; the first token may not end the text."""
    tokens = torch.tensor([[*prompt, *response]])[:, :-1]
    base, good, bad = (model(input_ids=tokens).logits[0, len(prompt) - 1 :] for model in models)
    base[:, list(FORBIDDEN)] = NEVER
    base[:1, END] = NEVER
    if filter_p < 1:
        base = TopPLogitsWarper(filter_p, filter_value=NEVER)(None, base)
    outside = base <= NEVER
    combined = base + strength * (good - bad)
    return combined.masked_fill(outside, NEVER).log_softmax(-1)


@pytest.mark.parametrize("filter_p", [1.0, 0.6])
@torch.no_grad()
def test_experts_steer_the_logits_as_dexperts_does(
    torch_load: LoadPayload, tmp_path: Path, filter_p: float
) -> None:
    expert = write_language_model(tmp_path / "expert", seed=5)
    anti_expert = write_language_model(tmp_path / "anti", seed=6)

    def named(folder: Path) -> dict[str, Any]:
        return {"model": str(folder), "revision": None, "trust_remote_code": False}

    strength = 0.7
    experts = {"expert": named(expert), "anti_expert": named(anti_expert)}
    experts |= {"strength": strength, "filter_p": filter_p}
    result, rows = evaluated(torch_load, decoding(experts=experts))
    folders = (Path(torch_load.policy.model), expert, anti_expert)
    models = [plain_model(folder) for folder in folders]
    for kl, (prompt, tokens) in zip(result.kl, rows, strict=True):
        own = at(steered_log_probs(models, prompt, tokens, strength, filter_p), tokens)
        reference = at(next_token_log_probs(models[0], prompt, tokens, **RULE), tokens)
        assert kl == pytest.approx(float((own - reference).sum()), abs=5e-4)
        assert float(own.min()) > -50  # of the nucleus


@torch.no_grad()
def test_an_instruction_is_before_the_prompt_of_the_sampler_alone(torch_load: LoadPayload) -> None:
    instruction = "a great film"
    result, rows = evaluated(torch_load, None, condition=0, conditions=[instruction])
    model = plain_model(Path(torch_load.policy.model))
    tokenizer = AutoTokenizer.from_pretrained(torch_load.policy.model)
    words = tokenizer(instruction, add_special_tokens=False).input_ids
    for kl, (prompt, tokens) in zip(result.kl, rows, strict=True):
        told = [prompt[0], *words, *prompt[1:]]
        own = at(next_token_log_probs(model, told, tokens, **RULE), tokens)
        reference = at(next_token_log_probs(model, prompt, tokens, **RULE), tokens)
        assert kl == pytest.approx(float((own - reference).sum()), abs=5e-4)


def test_an_instruction_that_leaves_no_room_is_refused_with_its_key(
    torch_load: LoadPayload,
) -> None:
    load = load_payload(torch_load, conditions=["a film " * 60])
    with pytest.raises(Exception, match="shorten") as refusal:
        TorchEngine().load(load, quiet)
    assert getattr(refusal.value, "key", None) == "rollout.prompt_tokens"
