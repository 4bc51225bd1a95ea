"""Measures the assets: the numbers of the model card."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from averse_recipe.corpus import Review
from averse_worker.data.builtin import GRADES, Split, builtin_prompts
from averse_worker.rewards.builtin.load import Classifier

# Prompt and response together at their longest: what perplexity is measured on.
OPENING = 80


@torch.inference_mode()
def perplexity(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], rows: int = 32
) -> float:
    """exp of the mean nats per token over the first `OPENING` tokens of each text."""
    encoded = tokenizer(list(texts), truncation=True, max_length=OPENING + 1)["input_ids"]
    encoded.sort(key=len)
    total, count = 0.0, 0
    for start in range(0, len(encoded), rows):
        part = encoded[start : start + rows]
        ids = torch.full((len(part), len(part[-1])), tokenizer.pad_token_id)
        for i, row in enumerate(part):
            ids[i, : len(row)] = torch.tensor(row)
        # Padding stands on the right, where a causal model cannot see it.
        inputs = ids[:, :-1]
        logs = model(inputs, attention_mask=torch.ones_like(inputs)).logits.log_softmax(-1)
        chosen = logs.gather(2, ids[:, 1:, None])[..., 0]
        for i, row in enumerate(part):
            total -= float(chosen[i, : len(row) - 1].sum())
            count += len(row) - 1
    return float(np.exp(total / count))


def first_tokens(tokenizer: PreTrainedTokenizerFast, text: str, tokens: int = 64) -> str:
    """The first `tokens` tokens of a text, as text."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"][:tokens]
    return str(tokenizer.decode(ids))


def accuracy(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float:
    """Accuracy: the fraction of scores whose sign is that of the class."""
    return float(((scores > 0) == positive).mean())


def classifier_figures(
    reward: Classifier,
    judge: Classifier,
    tokenizer: PreTrainedTokenizerFast,
    test: Sequence[Review],
    kept_back: Sequence[Review],
) -> dict[str, float]:
    """Accuracies on whole reviews and on 64 tokens, and how far the two agree."""

    def labels(reviews: Sequence[Review]) -> NDArray[np.bool_]:
        return np.array([bool(review.positive) for review in reviews])

    whole = [review.text for review in test]
    short = [first_tokens(tokenizer, text) for text in whole]
    kept_whole = [review.text for review in kept_back]
    kept_short = [first_tokens(tokenizer, text) for text in kept_whole]
    ours, theirs = reward.score(kept_short), judge.score(kept_short)
    prompts = [prompt.text for prompt in builtin_prompts("test")]
    ours_prompts, theirs_prompts = reward.score(prompts), judge.score(prompts)
    return {
        "reward_whole": accuracy(reward.score(whole), labels(test)),
        "reward_64": accuracy(reward.score(short), labels(test)),
        "judge_whole": accuracy(judge.score(kept_whole), labels(kept_back)),
        "judge_64": accuracy(theirs, labels(kept_back)),
        "agreement_64": float(((ours > 0) == (theirs > 0)).mean()),
        "correlation_64": float(np.corrcoef(ours, theirs)[0, 1]),
        "agreement_prompts": float(((ours_prompts > 0) == (theirs_prompts > 0)).mean()),
        "correlation_prompts": float(np.corrcoef(ours_prompts, theirs_prompts)[0, 1]),
    }


def prompt_figures(
    reward: Classifier, judge: Classifier, tokenizer: PreTrainedTokenizerFast
) -> dict[str, Any]:
    """Scores of the prompts by grade, their lengths in tokens and how varied they are."""
    splits: tuple[Split, ...] = ("train", "test")
    prompts = [prompt for split in splits for prompt in builtin_prompts(split)]
    texts = [prompt.text for prompt in prompts]
    ours, theirs = reward.score(texts), judge.score(texts)
    lengths = np.array([len(ids) - 1 for ids in tokenizer(texts)["input_ids"]])
    grades = {}
    for grade in GRADES:
        mine = np.array([prompt.grade == grade for prompt in prompts])
        grades[grade] = {
            "count": int(mine.sum()),
            "reward": [float(q) for q in np.quantile(ours[mine], (0.1, 0.5, 0.9))],
            "tail": float((ours[mine] <= -2.5).mean()),
            "judge": float(np.median(theirs[mine])),
        }
    return {
        "grades": grades,
        "tokens": [int(q) for q in np.quantile(lengths, (0.01, 0.5, 0.99))],
        "at_most_32": float((lengths <= 32).mean()),
        "openings": len({" ".join(text.split()[:8]) for text in texts}),
        "count": len(texts),
    }
