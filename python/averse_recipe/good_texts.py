"""The good class without review text: the model's own best completions of the built-in prompts."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from averse_recipe.copies import CopyFinder
from averse_recipe.familiar import is_familiar
from averse_worker.data.builtin import Prompt, Split, builtin_prompts
from averse_worker.rewards.builtin.load import Classifier

NEW_TOKENS = 48
# Narrower than what training samples from: examples should be better than the model.
NUCLEUS = 0.9
# Enough for 0.9 of nearly every distribution of this vocabulary.
CANDIDATES = 512
BATCH = 192
ROWS: dict[Split, int] = {"train": 1800, "test": 300}
# Completions drawn for each prompt.
DRAWS = 4
LEAST_REWARD = 1.0
# The least fluent part of the positive texts is left out.
FLUENT_SHARE = 0.75
_LEAST_TOKENS = 20


@dataclass(frozen=True, slots=True)
class Completion:
    """A prompt with its completion `new`.

    `surprise` is the completion's mean nats per token, `distinct` its fraction of distinct token
    pairs, 0 where it is too short.
    """

    text: str
    new: str
    surprise: float
    distinct: float


@torch.inference_mode()
def complete(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[Prompt],
    progress: Callable[[str], None],
) -> list[Completion]:
    """One nucleus sample for each prompt, cut after its last whole sentence where there is one."""
    encoded = [tokenizer(prompt.text)["input_ids"] for prompt in prompts]
    # Prompts of equal length need no padding, so positions are right by themselves.
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    groups: list[list[int]] = []
    for i in order:
        if not groups or len(groups[-1]) == BATCH or len(encoded[groups[-1][0]]) != len(encoded[i]):
            groups.append([])
        groups[-1].append(i)
    out: list[Completion | None] = [None] * len(prompts)
    done, began = 0, time.monotonic()
    for group in groups:
        drawn, logs = sample(model, torch.tensor([encoded[i] for i in group]))
        for row, i in enumerate(group):
            new = drawn[row].tolist()
            if tokenizer.eos_token_id in new:
                new = new[: new.index(tokenizer.eos_token_id)]
            surprise = -float(logs[row, : max(1, len(new))].mean())
            tail = _whole_sentences(tokenizer.decode(new))
            length = len(tokenizer(tail)["input_ids"])
            pairs = list(pairwise(new))
            distinct = len(set(pairs)) / max(1, len(pairs)) if length >= _LEAST_TOKENS else 0.0
            out[i] = Completion(prompts[i].text + tail, tail, surprise, distinct)
        before, done = done, done + len(group)
        if before * 10 // len(prompts) != done * 10 // len(prompts):
            minutes = (time.monotonic() - began) / done * (len(prompts) - done) / 60
            progress(f"good texts: {done:,} of {len(prompts):,}, {minutes:.1f} minutes left")
    return [completion for completion in out if completion is not None]


@torch.inference_mode()
def sample(model: GPT2LMHeadModel, start: Tensor) -> tuple[Tensor, Tensor]:
    """`NEW_TOKENS` nucleus samples after `start` [rows, width], with their log-probabilities.

    The nucleus is looked for among the `CANDIDATES` likeliest tokens: sorting all is what costs.
    """
    out = model(start, use_cache=True, logits_to_keep=1)
    tokens, logs = [], []
    for _ in range(NEW_TOKENS):
        scores = out.logits[:, -1].log_softmax(-1)
        scores[:, model.config.pad_token_id] = -torch.inf
        best, ids = scores.topk(CANDIDATES, dim=-1)
        shares = best.exp()
        # A token stays while the likelier ones before it hold less than the nucleus.
        shares[shares.cumsum(-1) - shares >= NUCLEUS] = 0.0
        place = shares.multinomial(1)
        tokens.append(ids.gather(1, place))
        logs.append(best.gather(1, place))
        out = model(tokens[-1], past_key_values=out.past_key_values, use_cache=True)
    return torch.cat(tokens, 1), torch.cat(logs, 1)


def _whole_sentences(text: str) -> str:
    last = max(text.rfind(mark) for mark in ".!?")
    return text[: last + 1] if last >= len(text) // 2 else text


def select(
    completions: Sequence[Completion],
    rewards: NDArray[np.float32],
    copied: NDArray[np.bool_],
    words: frozenset[str],
    rows: int,
) -> list[str]:
    """Positive, fluent, uncopied texts of real words without repetition, in draw order."""
    surprise = np.array([c.surprise for c in completions])
    fair = (
        (rewards >= LEAST_REWARD)
        & ~copied
        & np.array([c.distinct > 0.97 and c.text.isascii() for c in completions])
        & np.array([is_familiar(c.new, words) for c in completions])
    )
    limit = np.quantile(surprise[fair], FLUENT_SHARE)
    kept: dict[str, None] = {}
    for i in np.flatnonzero(fair & (surprise <= limit)).tolist():
        kept[completions[i].text] = None
    return list(kept)[:rows]


def make_good_texts(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    reward: Classifier,
    finder: CopyFinder,
    words: frozenset[str],
    path: Path,
    seed: int,
    progress: Callable[[str], None],
) -> None:
    """Writes JSON lines `{"text", "split"}`: train rows from train prompts, test from test."""
    torch.manual_seed(seed)
    lines: list[str] = []
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        prompts = [p for _ in range(DRAWS) for p in builtin_prompts(split)]
        completions = complete(model, tokenizer, prompts, progress)
        texts = [completion.text for completion in completions]
        rewards, copied = reward.score(texts), finder.copied(texts)
        chosen = select(completions, rewards, copied, words, ROWS[split])
        progress(f"good texts: {len(chosen)} {split} rows kept")
        lines += [json.dumps({"text": text, "split": split}) for text in chosen]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
