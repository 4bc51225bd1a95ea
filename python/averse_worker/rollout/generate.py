"""Draws responses from a policy, token by token, with a key-value cache.

On a CPU finished rows are dropped from the batch, which saves their work. Where operations are
queued on a device, shapes and buffers stay as they are (`static_batch.py`), which saves waiting.

Every uniform number is drawn beforehand on the CPU, one for each episode and step, and a token
is the inverse of the cumulated probabilities there: the same numbers give the same draws on every
device and in every order of the episodes, up to rounding in the logits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from averse_worker.models.batches import PaddedPrompts, Responses, uploaded
from averse_worker.models.kernels.log_probs import TokenRule
from averse_worker.models.policy import Policy
from averse_worker.models.steered import Cache
from averse_worker.rollout.drawing import draw
from averse_worker.rollout.static_batch import StaticBatch, ends

# Finished rows are dropped from the batch once they are this fraction of it: dropping copies the
# cache, which costs about as much as one step.
_DROP_SHARE = 0.125


@dataclass(frozen=True)
class Sampler:
    """How long responses are, and how the tails of the distribution are cut when drawing."""

    new_tokens: int
    min_new_tokens: int = 0
    top_k: int = 0
    """0: off"""
    top_p: float = 1.0
    """1: off"""
    minibatch: int = 0
    """episodes at once; 0: all"""
    temperature: float | None = None
    """in place of the policy's own, as one evaluation asks for it"""

    def rule(self, policy: Policy) -> TokenRule:
        """What may be drawn, and how sharply."""
        if self.temperature is None:
            return policy.rule
        return replace(policy.rule, temperature=self.temperature)


@dataclass(frozen=True)
class Samples:
    """Responses and their statistics; arrays are [B, T], zero at padding."""

    responses: Responses
    log_probs: Tensor
    """of the policy uncut by top-k and top-p, float32"""
    entropies: Tensor
    """nats, of the same policy"""
    values: Tensor | None
    """the value head's part; None without a critic"""
    drawn_log_probs: Tensor | None = None
    """of what drew the tokens, where that is not the policy here; `log_probs` are then those that
    the update computes"""

    def select(self, rows: Tensor) -> "Samples":
        """Some rows, with the padding that none of them needs cut off."""
        responses = self.responses.select(rows)
        width = responses.tokens.shape[1]
        return Samples(
            responses,
            self.log_probs[rows, :width],
            self.entropies[rows, :width],
            None if self.values is None else self.values[rows, :width],
            None if self.drawn_log_probs is None else self.drawn_log_probs[rows, :width],
        )


def uniforms(seed: int, episodes: int, new_tokens: int) -> Tensor:
    """[episodes, new_tokens] numbers in (0, 1] from one seed, the same on every machine."""
    generator = torch.Generator().manual_seed(seed)
    return 1.0 - torch.rand((episodes, new_tokens), generator=generator)


def uniforms_of_prompts(seed: int, prompts: Sequence[int], new_tokens: int) -> Tensor:
    """As `uniforms`, but a row depends on its prompt's id alone (and on how often it came before).

    Arms evaluated on overlapping prompts use common random numbers.
    """
    seen: dict[int, int] = {}
    rows = np.empty((len(prompts), new_tokens), dtype=np.float32)
    for row, prompt in enumerate(prompts):
        occurrence = seen[prompt] = seen.get(prompt, -1) + 1
        key = np.random.SeedSequence([seed, prompt, occurrence])
        rows[row] = np.random.Generator(np.random.Philox(key)).random(new_tokens, np.float32)
    return torch.from_numpy(1.0 - rows)


def sample(
    policy: Policy,
    prompts: PaddedPrompts,
    draws: Tensor,
    sampler: Sampler,
    tick: Callable[[int, int], None],
) -> Samples:
    """One response per prompt.

    Args:
        draws: [B, new_tokens] in (0, 1], on the CPU.
        tick: called with the tokens drawn so far and their maximum, several times per second.
    """
    batch = prompts.tokens.shape[0]
    shape, device = (batch, sampler.new_tokens), policy.device.torch_device
    pad = policy.pad_token
    out = _Out(
        torch.full(shape, pad, dtype=torch.long, device=device),
        torch.full((batch,), sampler.new_tokens, dtype=torch.long, device=device),
        torch.zeros(shape, device=device),
        torch.zeros(shape, device=device),
        torch.zeros(shape, device=device) if policy.model.value_head is not None else None,
        np.zeros(batch, dtype=np.int64),
    )
    draws = draws.to(device, non_blocking=True)
    static = policy.is_static(policy.sampled)
    fill = _sample_static if static else _sample_rows
    # Similar lengths together: less padding, and none at all where all are equal.
    order = np.argsort(prompts.counts, kind="stable")
    size, done = sampler.minibatch or batch, 0
    with policy.whole():
        for rows in (order[start : start + size] for start in range(0, batch, size)):
            fill(policy, prompts.select(rows), rows, draws, sampler, out, done, tick)
            done += len(rows) * sampler.new_tokens
    responses = Responses(out.tokens, out.lengths)
    if static:
        responses.counted(out.counts)
    return Samples(responses, out.log_probs, out.entropies, out.values)


Source = Callable[[Policy, PaddedPrompts, Tensor, Sampler, Callable[[int, int], None]], Samples]
"""What draws a rollout's responses: `sample`, or something that answers as it does."""


@dataclass(frozen=True)
class _Out:
    """Results of all episodes, made outside inference mode so that autograd may use them."""

    tokens: Tensor
    lengths: Tensor
    log_probs: Tensor
    entropies: Tensor
    values: Tensor | None
    counts: NDArray[np.int64]
    """`lengths` on the host, where a static batch made them"""


@torch.inference_mode()
def _sample_static(
    policy: Policy,
    prompts: PaddedPrompts,
    host_rows: NDArray[np.intp],
    draws: Tensor,
    sampler: Sampler,
    out: _Out,
    done: int,
    tick: Callable[[int, int], None],
) -> None:
    """As `_sample_rows`, with buffers and shapes that do not change."""
    actor, rule, steps = policy.actor, sampler.rule(policy), sampler.new_tokens
    count, total = len(host_rows), draws.shape[0] * steps
    rows = uploaded(host_rows, draws.device)
    # One autocast block for all steps: weights are cast once and not at every token.
    with policy.device.autocast():
        cache = actor.cache(prompts.tokens.shape[1])
        hidden = _read_prompts(policy, prompts, cache)
        batch = StaticBatch(
            policy,
            prompts,
            cache,
            hidden,
            draws[rows],
            rule,
            sampler.min_new_tokens,
            sampler.top_k,
            sampler.top_p,
        )
        for step in range(1, steps):
            if batch.looks(step) and batch.finished():
                break
            batch.advance()
            tick(done + count * (step + 1), total)
        found = batch.drawn()
    responses = found.responses
    out.tokens[rows], out.lengths[rows] = responses.tokens, responses.lengths
    out.counts[host_rows] = responses.counts
    out.log_probs[rows], out.entropies[rows] = found.log_probs, found.entropies
    if out.values is not None and found.values is not None:
        out.values[rows] = found.values


@torch.inference_mode()
def _sample_rows(
    policy: Policy,
    prompts: PaddedPrompts,
    host_rows: NDArray[np.intp],
    draws: Tensor,
    sampler: Sampler,
    out: _Out,
    done: int,
    tick: Callable[[int, int], None],
) -> None:
    """Fills in the episodes `host_rows`, whose prompts are `prompts`."""
    actor, rule = policy.sampled, sampler.rule(policy)
    rows = uploaded(host_rows, draws.device)
    count, width = prompts.tokens.shape
    total = draws.shape[0] * sampler.new_tokens
    mask = prompts.mask()
    if mask is not None:
        mask = torch.nn.functional.pad(mask, (0, sampler.new_tokens - 1), value=1)
    cache = actor.cache(width + sampler.new_tokens - 1)
    tokens, positions = prompts.tokens[:, -1:], prompts.positions()
    finished: Tensor | None = None
    """[rows], where a row of the batch has ended; None: nowhere"""
    # One autocast block for all steps: weights are cast once and not at every token.
    with policy.device.autocast():
        hidden = _read_prompts(policy, prompts, cache)
        for step in range(sampler.new_tokens):
            if step > 0:
                seen = None if mask is None else mask[:, : width + step]
                hidden = actor.hidden(tokens, positions, seen, keep=1, cache=cache)[:, 0]
            early = None
            if step < sampler.min_new_tokens:
                early = torch.full_like(rows, sampler.min_new_tokens - step)
            logits = actor.logits(hidden, rule, early)
            drawn = draw(logits, draws[rows, step], sampler.top_k, sampler.top_p)
            live = slice(None) if finished is None else ~finished
            episodes = rows[live]
            out.tokens[episodes, step] = drawn.tokens[live]
            out.log_probs[episodes, step] = drawn.log_probs[live]
            out.entropies[episodes, step] = drawn.entropies[live]
            if out.values is not None:
                out.values[episodes, step] = policy.model.values(hidden)[live]
            tick(done + count * (step + 1), total)
            positions = positions[:, -1:] + 1
            tokens = drawn.tokens[:, None]
            ending = ends(drawn.tokens, policy.end_tokens)
            if not bool(ending.any()):
                continue
            ending = ending if finished is None else ending & ~finished
            out.lengths[rows[ending]] = step + 1
            finished = ending if finished is None else finished | ending
            if bool(finished.all()):
                return
            if float(finished.float().mean()) >= _DROP_SHARE:
                stay = (~finished).nonzero()[:, 0]
                cache.batch_select_indices(stay)
                mask = None if mask is None else mask[stay]
                rows, tokens, positions = rows[stay], tokens[stay], positions[stay]
                finished = None


def _read_prompts(policy: Policy, prompts: PaddedPrompts, cache: Cache) -> Tensor:
    """Fills the cache; returns the hidden states [B, d] after the prompts.

    A prompt that comes several times, as in group sampling, is read once.
    """
    first, place = prompts.distinct
    repeated = len(first) < len(place)
    once = prompts.select(first) if repeated else prompts
    actor, mask = policy.sampled, policy.mask(policy.sampled, once.mask(), once.tokens.shape[1])
    last = actor.hidden(once.tokens, once.positions(), mask, keep=1, cache=cache)
    if not repeated:
        return last[:, 0]
    copies = uploaded(place, last.device)
    cache.batch_select_indices(copies)
    return last[copies, 0]
