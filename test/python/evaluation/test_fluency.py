"""Fluency against the literal formula on transformers' own losses, one text at a time."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from averse_worker.evaluation.fluency import FluencyMean, FluencyModel, load_fluency
from averse_worker.models.folder import ModelFolder
from averse_worker.platform.device import open_device
from payloads import load_payload
from tiny_models import WORDS, write_language_model, write_policy

PROMPTS = ["the film was", "a", "it was never very", "the film was", "this"]
COMPLETIONS = [" good and warm", " dull scene", "", "", " very very very very slow and cold"]


def fluency_of(folder: Path) -> FluencyModel:
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return FluencyModel(model, tokenizer, torch.device("cpu"))


def literal(folder: Path, prompt: str, whole: str) -> float:
    """As DExperts computes it: losses of transformers times the tokens that they are means of."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def loss(text: str) -> tuple[float, int]:
        ids = tokenizer.encode(text, return_tensors="pt")
        with torch.no_grad():
            mean = model(ids, labels=ids).loss.item() if ids.shape[1] > 1 else 0.0
        return mean * (ids.shape[1] - 1), ids.shape[1]

    (before, short), (after, long) = loss(prompt), loss(whole)
    return math.exp((after - before) / (long - short)) if long > short else math.nan


def ignored(done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.mark.parametrize("family", ["gpt2", "llama", "bloom"])
def test_perplexities_are_those_of_the_formula(family: str, tmp_path: Path) -> None:
    folder = write_policy(tmp_path, family)
    wholes = [p + c for p, c in zip(PROMPTS, COMPLETIONS, strict=True)]
    found = fluency_of(folder).perplexities(PROMPTS, wholes, ignored)
    expected = [literal(folder, p, w) for p, w in zip(PROMPTS, wholes, strict=True)]
    assert np.isnan(found).tolist() == [False, False, True, True, False]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_token_that_spans_prompt_and_completion_is_the_difference(
    language_model: Path,
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(language_model)
    prompt, whole = "the fil", "the film was good"
    begin, ids = tokenizer.encode(prompt), tokenizer.encode(whole)
    assert ids[: len(begin)] != begin
    [found] = fluency_of(language_model).perplexities([prompt], [whole], ignored)
    assert found == pytest.approx(literal(language_model, prompt, whole), rel=1e-4)


def test_batches_do_not_change_the_values(language_model: Path) -> None:
    model = fluency_of(language_model)
    prompts = [" ".join(WORDS[i : i + 1 + i % 4]) for i in range(12)]
    wholes = [f"{p} {' '.join(WORDS[i : i + 1 + i % 7])}" for i, p in enumerate(prompts)]
    together = model.perplexities(prompts, wholes, ignored)
    alone = [model.perplexities([p], [w], ignored)[0] for p, w in zip(prompts, wholes, strict=True)]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_of_long_texts_the_last_tokens_are_read(language_model: Path) -> None:
    model = fluency_of(language_model)
    assert model.context == 64
    prompt = ("very " * 200).strip()
    [found] = model.perplexities([prompt], [prompt + " good film"], ignored)
    tokenizer = AutoTokenizer.from_pretrained(language_model)
    ids = tokenizer.encode(prompt + " good film")[-64:]
    new = len(tokenizer.encode(prompt + " good film")) - len(tokenizer.encode(prompt))
    with torch.no_grad():
        causal = AutoModelForCausalLM.from_pretrained(language_model)
        log_probs = causal(torch.tensor([ids])).logits[0].log_softmax(-1)
    total = sum(float(log_probs[i - 1, ids[i]]) for i in range(64 - new, 64))
    assert found == pytest.approx(math.exp(-total / new), rel=1e-4)


def test_a_prompt_without_tokens_leaves_the_first_word_unpredicted(tmp_path: Path) -> None:
    folder = write_language_model(tmp_path)
    # This tokenizer begins every text with a token, which predicts the first word.
    [found] = fluency_of(folder).perplexities([""], ["good film"], ignored)
    assert found == pytest.approx(literal(folder, "", "good film"), rel=1e-4)


def test_what_is_ten_thousand_or_more_is_left_out() -> None:
    mean = FluencyMean()
    mean.add(np.array([10.0, 1e4, math.nan]))
    mean.add(np.array([30.0, math.inf]))
    assert (mean.mean, mean.left_out) == (20.0, 3)
    assert FluencyMean().mean is None


def test_the_frozen_number_format_is_its_own(language_model: Path) -> None:
    folder = ModelFolder(language_model, "evaluation.fluency.model")
    whole = load_fluency(folder, open_device(load_payload().backend))
    half = load_fluency(folder, open_device(load_payload(backend__frozen_dtype="bfloat16").backend))
    one = [model.perplexities(["a"], ["a good film"], ignored)[0] for model in (whole, half)]
    assert one[0] != one[1]
    assert one[1] == pytest.approx(one[0], rel=0.2)
