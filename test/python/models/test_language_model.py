"""Architectures other than GPT-2: split, padded and cached, they answer as transformers does."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from averse_worker.models.batches import Layout, PaddedPrompts, Responses
from averse_worker.models.kernels import cpu_attention as attention
from averse_worker.models.kernels.log_probs import PLAIN
from averse_worker.models.language_model import LanguageModel
from averse_worker.wire.errors import InputError
from tiny_models import make_policy, write_tokenizer

SHAPE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
GEMMA = {**SHAPE, "head_dim": 8, "sliding_window": 4, "final_logit_softcapping": 0.5}
GPTJ = {"vocab_size": 60, "n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4}
GPT2 = {"vocab_size": 60, "n_embd": 32, "n_layer": 2, "n_head": 4}
MAMBA = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}


def make(name: str, shape: dict[str, Any]) -> transformers.PreTrainedModel:
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**shape)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.mark.parametrize(
    ("name", "shape", "attends", "plain"),
    [
        ("GPT2", GPT2, attention.NAME, True),
        ("Llama", SHAPE, attention.NAME, True),
        ("Mistral", {**SHAPE, "sliding_window": 4}, attention.NAME, True),
        ("Gemma2", GEMMA, "eager", False),
        ("GPTJ", GPTJ, "eager", True),
        ("Granite", {**SHAPE, "logits_scaling": 3.0}, attention.NAME, False),
    ],
)
def test_the_split_model_equals_the_whole_one(
    name: str, shape: dict[str, Any], attends: str, plain: bool
) -> None:
    causal = make(name, shape)
    model = LanguageModel(causal)
    assert causal.config._attn_implementation == attends
    assert model._plain is plain
    tokens = torch.randint(2, 60, (1, 9), generator=torch.Generator().manual_seed(1))
    causal.set_attn_implementation("eager")
    with torch.no_grad():
        expected = causal(tokens).logits[0]
    causal.set_attn_implementation(attends)
    row = torch.nn.functional.pad(tokens, (3, 0))
    mask = torch.tensor([[0] * 3 + [1] * 9])
    places = torch.tensor([[0] * 3 + list(range(9))])
    with torch.no_grad():
        whole = model.hidden(row, places, mask, keep=9)[0]
        torch.testing.assert_close(model._raw_logits(whole), expected, atol=2e-5, rtol=1e-4)
        cache = model.cache(12)
        hidden: list[Tensor] = [model.hidden(row[:, :6], places[:, :6], mask[:, :6], 1, cache)]
        for end in range(7, 13):
            one = slice(end - 1, end)
            hidden.append(model.hidden(row[:, one], places[:, one], mask[:, :end], 1, cache))
        stepwise = model._raw_logits(torch.cat(hidden, dim=1)[0])
    torch.testing.assert_close(stepwise, expected[2:], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "shape", "shares"),
    [
        ("GPT2", GPT2, True),
        ("Llama", SHAPE, True),
        ("GPTJ", GPTJ, True),
        ("Granite", {**SHAPE, "logits_scaling": 3.0}, True),
        ("Mistral", {**SHAPE, "sliding_window": 4}, False),
        ("Gemma2", GEMMA, False),
    ],
)
def test_equal_prompts_are_read_once_where_that_gives_the_same(
    name: str, shape: dict[str, Any], shares: bool
) -> None:
    model = LanguageModel(make(name, shape))
    assert model.shares is shares
    prompts = PaddedPrompts.of([[5, 6, 7, 8], [9, 4], [5, 6, 7, 8], [9, 4]], 0, model.device)
    responses = Responses(torch.arange(10, 22).reshape(4, 3), torch.tensor([3, 2, 1, 3]))
    whole = Layout.of(prompts, responses)
    shared = whole.shared(prompts)
    assert shared is not None
    assert shared.prefix is not None
    assert shared.prefix.tokens.shape == (2, 3)
    if shares:
        with torch.no_grad():
            torch.testing.assert_close(
                model.hidden_of(shared), model.hidden_of(whole), atol=2e-5, rtol=1e-4
            )


def test_the_last_block_is_trimmed_without_a_trace() -> None:
    model = LanguageModel(make("Llama", SHAPE))
    block = model._last_block
    assert block is not None
    mlp = block.mlp
    tokens = torch.arange(2, 12)[None]
    places = torch.arange(10)[None]
    answers: list[Tensor] = []
    for last in (block, None):
        model._last_block = last
        model.causal.zero_grad()
        hidden = model.hidden(tokens, places, None, keep=3)
        hidden.square().sum().backward()  # type: ignore[no-untyped-call]
        answers.append(hidden.detach())
        answers.extend(p.grad.clone() for p in model.causal.parameters() if p.grad is not None)
    assert block.mlp is mlp
    half = len(answers) // 2
    for trimmed, whole in zip(answers[:half], answers[half:], strict=True):
        torch.testing.assert_close(trimmed, whole, atol=1e-5, rtol=1e-4)


def test_a_model_that_cannot_be_sampled_from_a_padded_batch_is_refused() -> None:
    with pytest.raises(InputError, match="MambaForCausalLM cannot be sampled"):
        LanguageModel(make("Mamba", MAMBA))


def test_gradients_reach_the_trunk_through_the_models_own_head() -> None:
    model = LanguageModel(make("Gemma2", GEMMA))
    tokens = torch.arange(2, 8)[None]
    hidden = model.hidden(tokens, torch.arange(6)[None], None, keep=3)[0]
    chosen, _ = model.log_probs(hidden, tokens[0, 3:], PLAIN, None)
    chosen.sum().backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in model.causal.parameters() if p.requires_grad]
    assert all(gradient is not None for gradient in gradients)


def test_a_classifier_as_a_policy_is_refused_in_a_sentence(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    config = transformers.DistilBertConfig(dim=16, n_heads=2, n_layers=1, hidden_dim=16)
    transformers.DistilBertForSequenceClassification(config).save_pretrained(tmp_path)
    told = r"is a distilbert model \(DistilBertForSequenceClassification\) and not a language model"
    with pytest.raises(InputError, match=told):
        make_policy(tmp_path)
