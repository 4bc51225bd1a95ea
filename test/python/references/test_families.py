"""Every family of models that the worker takes: what it samples, learns from and exports is what
transformers computes from the same weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers.cache_utils import DynamicSlidingWindowLayer

from averse_worker.models.batches import PaddedPrompts
from averse_worker.models.folder import ModelFolder
from averse_worker.models.kernels import cpu_attention
from averse_worker.models.kernels.kv_cache import PreallocatedLayer
from averse_worker.models.policy import Policy
from averse_worker.platform.device import Device, quiet
from averse_worker.rewards.classifier import load_reward
from averse_worker.rollout.generate import Sampler, Samples, sample, uniforms
from averse_worker.store.export import export_policy
from payloads import adapter
from plain import at, entropies, next_token_log_probs, plain_model
from tiny_models import CLASSIFIERS, POLICIES, make_policy, write_classifier, write_policy

PROMPTS = [[0, 40, 50, 60, 70, 80, 90], [0, 40], [7], [0, 90, 91, 92], [0, 33, 34, 35, 36]]
NEW_TOKENS, MIN_NEW_TOKENS, TEMPERATURE = 8, 2, 0.8
NEAR = {"atol": 1e-4, "rtol": 1e-4}


@dataclass(frozen=True)
class Subject:
    """A family's model on disk, as the worker has it, and what the worker drew from it."""

    name: str
    folder: Path
    policy: Policy
    prompts: PaddedPrompts
    samples: Samples

    def responses(self) -> list[list[int]]:
        drawn = self.samples.responses
        lengths = drawn.lengths.tolist()
        return [row[:n] for row, n in zip(drawn.tokens.tolist(), lengths, strict=True)]

    def plainly(self, model: Any) -> list[Tensor]:
        """log π of every possible token at each step of each response, [T, V]."""
        return [
            next_token_log_probs(
                model,
                prompt,
                response,
                end=0,
                # Padding, and rows of vocabulary that no token has.
                forbidden=(1, 320, 321, 322, 323),
                temperature=TEMPERATURE,
                min_new_tokens=MIN_NEW_TOKENS,
            )
            for prompt, response in zip(PROMPTS, self.responses(), strict=True)
        ]


@pytest.fixture(scope="module", params=sorted(POLICIES))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = write_policy(tmp_path_factory.mktemp("policy"), request.param)
    policy = make_policy(folder, rollout__temperature=TEMPERATURE)
    prompts = PaddedPrompts.of(PROMPTS, policy.pad_token, policy.device.torch_device)
    sampler = Sampler(NEW_TOKENS, min_new_tokens=MIN_NEW_TOKENS)
    samples = sample(
        policy, prompts, uniforms(3, len(PROMPTS), NEW_TOKENS), sampler, lambda done, total: None
    )
    return Subject(request.param, folder, policy, prompts, samples)


# What each kernel cannot do, so that a family that loses one for another reason is noticed.
OWN_ATTENTION = ("bloom", "codegen", "falcon", "falcon alibi", "gpt_neo", "gptj", "mpt")
"""families that compute attention themselves"""
OTHER_ATTENTION = ("gemma2", "gpt_oss")
"""families with a soft cap or sinks in it"""
RESCALED = ("cohere2", "gemma2")
"""families that change logits after the head"""
UNTRIMMED = ("bloom", "gpt_oss", "mpt", "opt", "opt 350m")
"""families without an `mlp` that takes and gives one tensor"""


def test_sampler_and_forward_pass_have_the_log_probs_of_transformers(family: Subject) -> None:
    """The one reads a cache token by token, the other all at once; both are left-padded."""
    drawn, policy = family.samples, family.policy
    assert len(set(map(len, PROMPTS))) > 1
    with torch.no_grad():
        seen = policy.evaluate(policy.model, family.prompts, drawn.responses, MIN_NEW_TOKENS)
        expected = family.plainly(plain_model(family.folder))
    for i, (response, logs) in enumerate(zip(family.responses(), expected, strict=True)):
        for found in (drawn, seen):
            n = len(response)
            torch.testing.assert_close(found.log_probs[i, :n], at(logs, response), **NEAR)
            torch.testing.assert_close(found.entropies[i, :n], entropies(logs), **NEAR)
            assert not found.log_probs[i, n:].any()


def test_kernels_apply_where_they_can(family: Subject) -> None:
    """Attention on CPUs, the cache, the fused head, the trimmed block."""
    name, actor = family.name, family.policy.actor
    attention = actor.causal.config._attn_implementation
    assert (attention == cpu_attention.NAME) == (name not in (*OWN_ATTENTION, *OTHER_ATTENTION))
    kinds = {type(layer) for layer in actor.cache(8).layers}
    assert kinds <= {PreallocatedLayer, DynamicSlidingWindowLayer}
    assert PreallocatedLayer in kinds or name == "mistral", "all of Mistral's layers slide"
    assert actor._plain == (name not in RESCALED)
    assert (actor._last_block is not None) == (name not in UNTRIMMED)


def test_gradients_are_those_of_transformers(family: Subject) -> None:
    """Of a signed mix of log-probabilities and entropies, as an update has them."""
    drawn, policy = family.samples.responses, family.policy
    mix = torch.randn((2, *drawn.tokens.shape), generator=torch.Generator().manual_seed(5))
    policy.actor.causal.zero_grad()
    seen = policy.evaluate(policy.model, family.prompts, drawn, MIN_NEW_TOKENS)
    (mix[0] * seen.log_probs + mix[1] * seen.entropies).sum().backward()
    plain = plain_model(family.folder)
    for i, (response, logs) in enumerate(
        zip(family.responses(), family.plainly(plain), strict=True)
    ):
        n = len(response)
        (mix[0, i, :n] * at(logs, response) + mix[1, i, :n] * entropies(logs)).sum().backward()
    theirs = dict(plain.named_parameters())
    ours = dict(policy.actor.causal.named_parameters())
    assert ours.keys() == theirs.keys()
    largest = max(float(p.grad.abs().max()) for p in theirs.values() if p.grad is not None)
    for name, parameter in theirs.items():
        gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        found = ours[name].grad
        torch.testing.assert_close(
            torch.zeros_like(gradient) if found is None else found,
            gradient,
            rtol=1e-3,
            atol=1e-5 * largest,
            msg=lambda text, name=name: f"{name}: {text}",
        )


@pytest.mark.parametrize("rank", [0, 2])
def test_an_export_is_the_policy_and_the_reference_what_was_loaded(
    family: Subject, tmp_path: Path, rank: int
) -> None:
    """With adapters or without; the export is read back by transformers, which knows no more."""
    policy = make_policy(
        family.folder, policy__adapter=adapter(rank), rollout__temperature=TEMPERATURE
    )
    torch.manual_seed(1)
    with torch.no_grad():  # no longer what was loaded
        for parameter in policy.parameters.values():
            parameter.add_(0.05 * torch.randn_like(parameter))
    export_policy(policy, tmp_path)
    with quiet():
        exported, found = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    assert {p.dtype for p in exported.parameters()} == {torch.float32}
    assert tokenizer("a good film").input_ids == policy.tokenizer("a good film").input_ids
    drawn = family.samples.responses
    with torch.no_grad():
        now = policy.evaluate(policy.model, family.prompts, drawn, MIN_NEW_TOKENS).log_probs
        with policy.reference() as model:
            then = policy.evaluate(model, family.prompts, drawn, MIN_NEW_TOKENS).log_probs
        for ours, theirs in ((now, exported.eval()), (then, plain_model(family.folder))):
            for i, (response, logs) in enumerate(
                zip(family.responses(), family.plainly(theirs), strict=True)
            ):
                expected = at(logs, response)
                torch.testing.assert_close(ours[i, : len(response)], expected, **NEAR)
    assert not torch.allclose(now, then, atol=1e-2)


CPU = Device(torch.device("cpu"), torch.float32)
TEXTS = ["good film", "the plot was very slow", "a", "bad", "it was a warm movie and they stayed"]


@pytest.mark.parametrize("labels", [1, 2, 6])
@pytest.mark.parametrize("family", sorted(CLASSIFIERS))
def test_a_reward_is_the_logit_of_one_label(family: str, labels: int, tmp_path: Path) -> None:
    """In a padded batch, of every label, and with either sign."""
    folder = write_classifier(tmp_path, family, labels)
    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        logits = torch.cat(
            [model(input_ids=tokenizer(t, return_tensors="pt").input_ids).logits for t in TEXTS]
        ).numpy()
    assert logits.shape == (len(TEXTS), labels)
    assert np.ptp(logits, axis=0).min() > 1e-2
    for index, sign in [(i, 1) for i in range(labels)] + [(0, -1)]:
        reward = load_reward(ModelFolder(folder, "reward.model"), [f"LABEL_{index}"], sign, CPU)
        np.testing.assert_allclose(reward.score(TEXTS), sign * logits[:, index], atol=1e-5)


@pytest.mark.parametrize("family", ["bloom", "gemma2", "gpt2", "llama", "opt", "qwen2"])
@pytest.mark.parametrize("known", [1, 0, None])
@pytest.mark.parametrize("named", ["<|pad|>", None])
def test_a_decoder_reads_its_score_off_the_last_token(
    family: str, known: int | None, named: str | None, tmp_path: Path
) -> None:
    """Whatever its config and its tokenizer say of padding, which may not be the same."""
    folder = write_classifier(tmp_path, family, 1, pad_token_id=known)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(settings | {"pad_token": named}), encoding="utf-8")
    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
    model.config.pad_token_id = None  # the last token, then, of one text at a time
    with torch.no_grad():
        expected = [
            float(model(input_ids=torch.tensor([tokenizer(text).input_ids])).logits)
            for text in TEXTS
        ]
    reward = load_reward(ModelFolder(folder, "reward.model"), (), 1, CPU)
    np.testing.assert_allclose(reward.score(TEXTS), expected, atol=1e-5)
