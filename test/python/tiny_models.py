"""Tiny random models and data in the formats users bring, made in a fraction of a second."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from averse_worker.models.folder import ModelFolder
from averse_worker.models.load import load_policy
from averse_worker.models.policy import Policy
from averse_worker.platform.device import open_device
from payloads import load_payload

WORDS = [
    *("a", "the", "this", "film", "movie", "plot", "actor", "scene", "is", "was", "never", "very"),
    *("good", "great", "fine", "warm", "bad", "dull", "awful", "cold", "slow", "and", "but", "so"),
    *("it", "he", "she", "they", "we", "saw", "loved", "hated", "left", "stayed", "end", "start"),
]


def write_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 320 pieces with `<|endoftext|>` (0) and `<|pad|>` (1)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|endoftext|>", "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|pad|>",
        model_max_length=64,
    )
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


def make_policy(folder: Path, **changes: Any) -> Policy:
    """The policy in `folder`, loaded as by a payload with these changes."""
    payload = load_payload(policy__model=str(folder), **changes)
    device = open_device(payload.backend)
    return load_policy(payload, ModelFolder(folder, "policy.model"), None, device)


class LetterReward:
    """A reward model without a model: the share of letters "a" in a text, times a hundred."""

    batch: int | None = None

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([100 * t.count("a") / max(len(t), 1) for t in texts], dtype=np.float32)


def no_report(phase: str, done: int, total: int, unit: str) -> None:
    """A report that nobody reads."""
