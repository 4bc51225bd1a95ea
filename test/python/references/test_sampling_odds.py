"""How often the sampler draws each response, against all responses there are: a tiny model is
asked for every prefix, and transformers' own processors cut its distribution."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    PreTrainedTokenizerFast,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from averse_worker.models.batches import PaddedPrompts
from averse_worker.rollout.generate import Sampler, sample, uniforms
from plain import plain_model
from tiny_models import make_policy

END, PAD, NAMELESS = 0, 1, 7
PROMPTS = [[2, 3, 4, 5], [6]]
NEW_TOKENS, DRAWS = 3, 20_000


def write_words_model(folder: Path, ends: list[int]) -> None:
    """A model of five words, end-of-text, padding, and a row of vocabulary without a token.

    Args:
        ends: tokens that end a response, end-of-text and perhaps a word.
    """
    words = {word: i for i, word in enumerate(["<end>", "<pad>", "a", "b", "c", "d", "e"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", pad_token="<pad>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=8,
        n_positions=32,
        n_embd=16,
        n_layer=1,
        n_head=2,
        initializer_range=0.35,
        bos_token_id=END,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    model = GPT2LMHeadModel(config)
    model.generation_config.eos_token_id = ends
    model.save_pretrained(folder)


def responses(
    model: Any,
    processors: LogitsProcessorList,
    prompt: list[int],
    ends: list[int],
    drawn: tuple[int, ...] = (),
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every response and its probability."""
    if len(drawn) == NEW_TOKENS or (drawn and drawn[-1] in ends):
        yield drawn, 1.0
        return
    tokens = torch.tensor([[*prompt, *drawn]])
    odds = processors(tokens, model(input_ids=tokens).logits[:, -1]).softmax(-1)[0]
    for token in odds.nonzero()[:, 0].tolist():
        for whole, rest in responses(model, processors, prompt, ends, (*drawn, token)):
            yield whole, float(odds[token]) * rest


def chi_square(counts: Counter[tuple[int, ...]], odds: dict[tuple[int, ...], float]) -> float:
    """Standard deviations by which Pearson's statistic exceeds what chance makes of it; responses
    expected fewer than five times are counted as one."""
    total = counts.total()
    rare = [response for response, p in odds.items() if p * total < 5]
    cells = [(counts[r], p * total) for r, p in odds.items() if p * total >= 5]
    cells.append((sum(counts[r] for r in rare), sum(odds[r] for r in rare) * total))
    statistic = sum((seen - mean) ** 2 / mean for seen, mean in cells if mean > 0)
    freedom = len(cells) - 1
    return (statistic - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p", "min_new_tokens", "ends"),
    [
        (1.0, 0, 1.0, 0, [END]),
        (0.6, 0, 1.0, 2, [END]),
        (1.4, 3, 1.0, 0, [END]),
        (1.0, 0, 0.7, 1, [END]),
        (0.8, 4, 0.8, 2, [END]),
        (1.3, 2, 0.9, 3, [END]),
        (1.2, 0, 0.9, 2, [END, 5]),
    ],
)
def test_responses_come_as_often_as_enumeration_says(
    tmp_path: Path,
    temperature: float,
    top_k: int,
    top_p: float,
    min_new_tokens: int,
    ends: list[int],
) -> None:
    write_words_model(tmp_path, ends)
    policy = make_policy(tmp_path, rollout__temperature=temperature)
    prompts = PaddedPrompts.of(PROMPTS * DRAWS, PAD, policy.device.torch_device)
    samples = sample(
        policy,
        prompts,
        uniforms(11, len(PROMPTS) * DRAWS, NEW_TOKENS),
        Sampler(NEW_TOKENS, min_new_tokens=min_new_tokens, top_k=top_k, top_p=top_p),
        lambda done, total: None,
    )
    lengths = samples.responses.lengths.tolist()
    drawn = [
        tuple(row[:n]) for row, n in zip(samples.responses.tokens.tolist(), lengths, strict=True)
    ]
    model = plain_model(tmp_path, torch.float64)
    for place, prompt in enumerate(PROMPTS):

        def processors(*cuts: Any) -> LogitsProcessorList:
            # The end of text is none of the tokens that must come, the end of a turn is one.
            least = [
                MinNewTokensLengthLogitsProcessor(len(prompt), max(0, count), end)  # noqa: B023
                for end, count in zip(ends, (min_new_tokens, min_new_tokens - 1), strict=False)
            ]
            never = SuppressTokensLogitsProcessor([PAD, NAMELESS])
            return LogitsProcessorList([*least, never, TemperatureLogitsWarper(temperature), *cuts])

        cuts: list[Any] = [TopKLogitsWarper(top_k)] if top_k else []
        if top_p < 1:
            cuts.append(TopPLogitsWarper(top_p))
        with torch.no_grad():
            odds = dict(responses(model, processors(*cuts), prompt, ends))
            uncut = dict(responses(model, processors(), prompt, ends))
        assert sum(odds.values()) == pytest.approx(1)
        assert len(odds) > 3
        counts = Counter(drawn[place :: len(PROMPTS)])
        assert counts.keys() <= odds.keys()
        # Chance exceeds six deviations once in a billion seeds, and this seed is always the same.
        assert chi_square(counts, odds) < 6
        if cuts:
            assert chi_square(counts, uncut) > 100, "the test would not have seen the cuts"
        # The reported probability of a response is the uncut one.
        told = samples.log_probs.sum(1)[place :: len(PROMPTS)]
        expected = torch.tensor([math.log(uncut[r]) for r in drawn[place :: len(PROMPTS)]])
        torch.testing.assert_close(told, expected, atol=1e-4, rtol=1e-4)
