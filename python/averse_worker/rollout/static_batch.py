"""A batch of responses whose shapes and buffers stay as they are from the first token to the last.

On a GPU a small model's token takes less time than starting its operations one by one, and every
number that the host reads waits for all that is queued. So here each token is the same operations
on the same memory: on CUDA they are recorded once as a graph and started as one. Finished rows go
on and draw padding; whether all have finished is looked for every 8 tokens. Log-probabilities,
entropies and values are computed after the last token, of all tokens at once.

The draws, and so the tokens, are those of `generate.py`, up to rounding in the logits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from transformers import DynamicCache

from averse_worker.models.actor_critic import places_of, put_rows, rows_at
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.kernels.kv_cache import static_cache
from averse_worker.models.kernels.log_probs import TokenRule
from averse_worker.models.policy import Policy
from averse_worker.rollout.drawing import draw_tokens

LOOK_EVERY: Final = 8
"""tokens between looks whether all rows have finished"""

# Tokens before the graph is recorded: libraries set themselves up in the first.
_WARM_UP: Final = 3


@dataclass(frozen=True)
class StaticSamples:
    """Responses and their statistics; arrays are [B, T], zero at padding."""

    responses: Responses
    log_probs: Tensor
    entropies: Tensor
    values: Tensor | None


class StaticBatch:
    """Responses that are being drawn; to be used in the policy's autocast block, without
    gradients."""

    def __init__(
        self,
        policy: Policy,
        prompts: PaddedPrompts,
        cache: DynamicCache,
        hidden: Tensor,
        draws: Tensor,
        rule: TokenRule,
        min_new_tokens: int,
        top_k: int,
        top_p: float,
    ) -> None:
        """Draws the first tokens.

        Args:
            cache: holds the prompts.
            hidden: [B, d], of the policy after the prompts.
            draws: [B, T] in (0, 1].
        """
        self._policy, self._actor, self._rule = policy, policy.actor, rule
        self._min_new_tokens, self._top_k, self._top_p = min_new_tokens, top_k, top_p
        self._draws = draws
        (count, steps), device = draws.shape, draws.device
        width = prompts.tokens.shape[1]
        capacity = width + steps - 1
        self._place = torch.full((1,), width, dtype=torch.long, device=device)
        fixed = static_cache(cache, capacity, self._place)
        assert fixed is not None, "LanguageModel.static tried it"
        self._cache = fixed
        seen = torch.zeros((count, 1, 1, capacity), dtype=torch.bool, device=device)
        seen[:, 0, 0, :width] = True if (mask := prompts.mask()) is None else mask.bool()
        self._mask = self._actor.ready_mask(seen)
        self._positions = prompts.lengths[:, None] - 1
        self._step = torch.zeros(1, dtype=torch.long, device=device)
        self._steps = torch.arange(steps, device=device)
        self._pad = torch.full((), policy.pad_token, dtype=torch.long, device=device)
        self._tokens = torch.full((count, 1), policy.pad_token, dtype=torch.long, device=device)
        self._out = torch.full((count, steps), policy.pad_token, dtype=torch.long, device=device)
        self._finished = torch.zeros((count, 1), dtype=torch.bool, device=device)
        self._hidden = hidden.new_zeros((count, steps, hidden.shape[1]))
        self._again = _Again(self._advance, device)
        self._draw(hidden)

    def advance(self) -> None:
        """Draws the next token of each row."""
        self._again()

    def looks(self, step: int) -> bool:
        """Whether it is worth to wait for `finished` before token `step`, counted from 0."""
        return step % LOOK_EVERY == 0 and len(self._steps) - step >= LOOK_EVERY

    def finished(self) -> bool:
        """Whether all rows have; the host waits for the device."""
        return bool(self._finished.all())

    def drawn(self) -> StaticSamples:
        """What was drawn; the host waits for the device once."""
        ending = ends(self._out, self._policy.end_tokens)
        first = ending.int().argmax(1) + 1
        lengths = torch.where(ending.any(1), first, len(self._steps))
        responses = Responses(self._out, lengths)
        shape, device = self._out.shape, self._out.device
        places = places_of(responses.generated(), device)
        early = None
        if self._min_new_tokens:
            early = rows_at((self._min_new_tokens - self._steps).expand(shape), places)
        hidden = rows_at(self._hidden, places)
        chosen, entropies = self._actor.log_probs(
            hidden, rows_at(self._out, places), self._rule, early
        )
        model = self._policy.model
        return StaticSamples(
            responses,
            put_rows(chosen, places, shape),
            put_rows(entropies, places, shape),
            None if model.value_head is None else put_rows(model.values(hidden), places, shape),
        )

    def _advance(self) -> None:
        """Reads the tokens drawn last, and draws the next."""
        self._mask.index_fill_(3, self._place, self._actor.seen)
        self._positions += 1
        hidden = self._actor.hidden(self._tokens, self._positions, self._mask, 1, self._cache)
        self._place += 1
        self._step += 1
        self._draw(hidden[:, 0])

    def _draw(self, hidden: Tensor) -> None:
        """Draws a token of each row after `hidden` [B, d]."""
        self._hidden.index_copy_(1, self._step, hidden[:, None])
        early = self._min_new_tokens - self._step if self._min_new_tokens else None
        logits = self._actor.logits(hidden, self._rule, early)
        uniform = self._draws.index_select(1, self._step)
        drawn = draw_tokens(logits, uniform, self._top_k, self._top_p)
        torch.where(self._finished, self._pad, drawn, out=self._tokens)
        self._out.index_copy_(1, self._step, self._tokens)
        self._finished |= ends(self._tokens, self._policy.end_tokens)


class _Again:
    """The same work on the same memory again and again: on CUDA, after a few times, as a graph."""

    def __init__(self, work: Callable[[], None], device: torch.device) -> None:
        self._work = work
        self._records = device.type == "cuda"
        self._times = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        self._times += 1
        if not self._records or self._times <= _WARM_UP:
            self._work()
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records, and computes nothing
                self._work()
        self._graph.replay()


def ends(tokens: Tensor, end_tokens: tuple[int, ...]) -> Tensor:
    """Where a token ends its response."""
    ending = tokens == end_tokens[0]
    for token in end_tokens[1:]:
        ending |= tokens == token
    return ending
