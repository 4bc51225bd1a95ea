"""Tiny random models and data in the formats users bring, made in a fraction of a second."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

from averse_worker.models.folder import ModelFolder
from averse_worker.models.load import load_policy
from averse_worker.models.policy import Policy
from averse_worker.platform.device import open_device, quiet
from averse_worker.rewards.combine import Component, Rewards
from averse_worker.rewards.contract import RewardModel
from averse_worker.rewards.scoring import Scorer
from averse_worker.rewards.transform import RewardTransform
from averse_worker.rollout.collect import Episodes
from averse_worker.training.ppo import Ppo, UpdateSummary
from averse_worker.wire.limits import read_loss_arrays
from averse_worker.wire.messages.load import LoadPayload
from payloads import load_payload, update_payload

WORDS = [
    *("a", "the", "this", "film", "movie", "plot", "actor", "scene", "is", "was", "never", "very"),
    *("good", "great", "fine", "warm", "bad", "dull", "awful", "cold", "slow", "and", "but", "so"),
    *("it", "he", "she", "they", "we", "saw", "loved", "hated", "left", "stayed", "end", "start"),
]


def write_tokenizer(
    folder: Path,
    controls: Sequence[str] = (),
    template: str = "<|endoftext|> $A",
    vocabulary: int = 320,
    **settings: Any,
) -> PreTrainedTokenizerFast:
    """A byte-level BPE with `<|endoftext|>` (0) and `<|pad|>` (1), then `controls`.

    Args:
        template: what it puts around every text.
        settings: of the tokenizer's config, in place of the usual.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|pad|>", *controls],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template,
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<|endoftext|>", *controls)],
    )
    usual: dict[str, Any] = {
        "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|pad|>",
        "model_max_length": 64,
    }
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **usual | settings)
    fast.save_pretrained(folder)
    return fast


def write_language_model(folder: Path, seed: int = 0) -> Path:
    """A GPT-2 of 2 layers, 32 wide, 64 positions, 324 rows of vocabulary (4 without a token)."""
    write_tokenizer(folder)
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=324,
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=2,
        # Far from uniform, so that log-probabilities differ where they should.
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=1,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


_SIZE: dict[str, Any] = {
    "vocab_size": 324,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
_GROUPED = _SIZE | {"num_key_value_heads": 2, "head_dim": 8}
_GPT: dict[str, Any] = {
    "vocab_size": 324,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 64,
}
# Narrower than the texts of tests are long, so that it matters.
_SLIDING = _GROUPED | {"sliding_window": 4}
_MIXED = _SLIDING | {"layer_types": ["sliding_attention", "full_attention"]}
_FALCON = {k: v for k, v in _SIZE.items() if k != "intermediate_size"} | {"ffn_hidden_size": 64}

POLICIES: dict[str, dict[str, Any]] = {
    "bloom": {"vocab_size": 324, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "codegen": _GPT | {"rotary_dim": 4},
    "cohere2": _MIXED | {"logit_scale": 0.5},
    "falcon": _FALCON,
    "falcon alibi": _FALCON | {"alibi": True, "multi_query": False, "bias": True},
    "gemma2": _MIXED | {"query_pre_attn_scalar": 8, "final_logit_softcapping": 2.0},
    "gemma3_text": _MIXED | {"query_pre_attn_scalar": 8},
    "gpt2": _GPT,
    "gpt_neo": _SIZE | {"attention_types": [[["global", "local"], 1]], "window_size": 4},
    "gpt_neox": _SIZE,
    "gpt_oss": _MIXED | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "gptj": _GPT | {"rotary_dim": 4},
    "llama": _GROUPED,
    "mistral": _SLIDING,
    "mpt": {"vocab_size": 324, "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64},
    "mixtral": _GROUPED | {"num_local_experts": 4},
    "opt": _SIZE | {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "opt 350m": _SIZE | {"ffn_dim": 64, "word_embed_proj_dim": 16, "do_layer_norm_before": False},
    "phi3": _GROUPED,
    "qwen2": _GROUPED,
    "qwen3": _GROUPED,
}
"""Families of causal language models: transformers' `model_type` (and a variant), a small shape."""

_DEBERTA = _SIZE | {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
CLASSIFIERS: dict[str, dict[str, Any]] = {
    "bert": _SIZE,
    "deberta": _DEBERTA,
    "deberta-v2": _DEBERTA,
    "distilbert": {"vocab_size": 324, "dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4},
    # Its positions begin after the padding token's.
    "roberta": _SIZE | {"max_position_embeddings": 66},
} | {name: POLICIES[name] for name in ("bloom", "gemma2", "gpt2", "llama", "opt", "qwen2")}
"""Families of reward models: encoders, and decoders that read their score off the last token."""


def write_policy(folder: Path, family: str, seed: int = 0, **changes: Any) -> Path:
    """A random causal language model of a family in `POLICIES`, with a tokenizer."""
    shape = POLICIES[family] | changes
    return _write_model(folder, AutoModelForCausalLM, family, shape, seed)


def write_classifier(
    folder: Path, family: str, labels: int = 2, seed: int = 0, **changes: Any
) -> Path:
    """A random sequence classifier of a family in `CLASSIFIERS`, with a tokenizer."""
    shape = CLASSIFIERS[family] | {"num_labels": labels} | changes
    return _write_model(folder, AutoModelForSequenceClassification, family, shape, seed)


def _write_model(folder: Path, auto: Any, family: str, shape: dict[str, Any], seed: int) -> Path:
    write_tokenizer(folder)
    tokens = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    torch.manual_seed(seed)
    with quiet():
        model = auto.from_config(AutoConfig.for_model(family.split()[0], **(tokens | shape)))
        with torch.no_grad():
            for parameter in model.parameters():
                # Far from uniform, and no bias or norm that could be left out unseen.
                parameter.add_(0.1 * torch.randn_like(parameter))
        model.save_pretrained(folder)
    return folder


def write_data(folder: Path) -> Path:
    """48 train and 16 test rows of 3 to 10 words, every other one good."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count, start in (("train", 48, 0), ("test", 16, 5)):
        rows = []
        for i in range(count):
            words = [WORDS[(start + 7 * i + 3 * j) % len(WORDS)] for j in range(3 + i % 8)]
            rows.append(json.dumps({"text": " ".join(words), "label": "bad" if i % 2 else "good"}))
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def make_policy(folder: Path, reference: Path | None = None, **changes: Any) -> Policy:
    """The policy in `folder`, measured against itself or the model in `reference`, loaded as by a
    payload with these changes."""
    payload = load_payload(policy__model=str(folder), **changes)
    other = ModelFolder(reference, "reference") if reference else None
    device = open_device(payload.backend)
    return load_policy(payload, ModelFolder(folder, "policy.model"), other, device)


def rewards_of(model: RewardModel, settings: LoadPayload | None = None) -> Rewards:
    """One component, of the model; with the transform of the settings."""
    [reward] = (settings or load_payload()).rewards
    return Rewards(
        [Component(reward.name, reward.weight, Scorer(model, 0), RewardTransform(reward))]
    )


def update_once(
    ppo: Ppo, episodes: Episodes, weights: Any = None, *, factor: float = 1.0, **settings: Any
) -> UpdateSummary:
    """An update by weights, or by the arrays and settings of `update_payload`."""
    payload = update_payload(1, weights, **settings)
    payload = msgspec.structs.replace(payload, learning_rate_factor=factor)
    critic = episodes.critique is not None
    arrays = read_loss_arrays(payload, episodes.failed, critic=critic)
    return ppo.update(episodes, arrays, payload, no_report)


class LetterReward:
    """A reward model without a model: the fraction of letters "a" in a text, times a hundred."""

    batch: int | None = None

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([100 * t.count("a") / max(len(t), 1) for t in texts], dtype=np.float32)


def no_report(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""
