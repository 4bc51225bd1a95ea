"""From hidden states to the log-probabilities of tokens.

Sampler, policy and reference must mean the same distribution, or the ratios and KL divergences
between them are wrong. So the distribution is defined once, here:

    log π(a | s_t) = log softmax(z / temperature)[a],   z = logits with forbidden tokens at −∞

Forbidden are padding, vocabulary rows that no token has, and end-of-text before
`min_new_tokens`. Top-k and top-p cut the sampler's draw only: ratios and KL are those of the
uncut, temperature-scaled policy.
"""

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Finite, so that probability zero times it is zero and not NaN.
FORBIDDEN: Final = -1e9
# Logits handled at once, so that a chunk stays in a CPU's cache; but each chunk reads the whole
# head, and for fewer rows than this that costs more than the cache saves.
_CHUNK_LOGITS: Final = 1 << 20
_CHUNK_ROWS_CPU: Final = 128
# Rows at once on a GPU, where few large products are faster than many small ones: at 50,000 tokens
# their logits take 0.4 GB.
_CHUNK_ROWS: Final = 2048


def chunks(count: int, vocabulary: int, device: torch.device) -> Iterator[slice]:
    """`count` rows, as many at once as the device handles best."""
    on_cpu = device.type == "cpu"
    step = max(_CHUNK_ROWS_CPU, _CHUNK_LOGITS // vocabulary) if on_cpu else _CHUNK_ROWS
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


@dataclass(frozen=True)
class TokenRule:
    """What may be sampled, and how sharply; the same for sampler, policy and reference."""

    temperature: float = 1.0
    forbidden: tuple[int, ...] = ()
    end_tokens: tuple[int, ...] = ()
    """end of text, then a model's further end tokens, such as the end of a turn"""

    @functools.cached_property
    def _runs(self) -> list[tuple[int, int]]:
        """First and last of each run of ids without a gap, in `forbidden`."""
        runs: list[tuple[int, int]] = []
        for token in sorted(self.forbidden):
            if runs and token == runs[-1][1] + 1:
                runs[-1] = (runs[-1][0], token)
            else:
                runs.append((token, token))
        return runs

    def apply(self, logits: Tensor, early: Tensor | None) -> Tensor:
        """Changes float32 `logits` [N, V] in place.

        Args:
            early: [N], how many tokens a row is short of those that must come. The end of a turn,
                a marker that scorers may read, is one of them; the end of text is not.
        """
        if self.temperature != 1.0:
            logits.div_(self.temperature)
        # Run by run, mostly one or two: a list of them would be copied to the device each time.
        for first, last in self._runs:
            logits[:, first : last + 1] = FORBIDDEN
        if early is not None:
            for place, token in enumerate(self.end_tokens):
                logits[:, token].masked_fill_(early > min(place, 1), FORBIDDEN)
        return logits


PLAIN: Final = TokenRule()
"""The model's own distribution, as perplexity is measured."""


def forbidden_tokens(
    pad: int, ends: tuple[int, ...], known: int, vocabulary: int
) -> tuple[int, ...]:
    """Ids that are never sampled: padding (where it ends no text) and nameless rows."""
    padding = () if pad in ends or pad >= known else (pad,)
    return (*padding, *range(known, vocabulary))


def log_probs(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    tokens: Tensor,
    rule: TokenRule,
    early: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of `tokens` [N] and entropies [N] (nats), both float32.

    The same as a linear layer, log-softmax and gather, but softmax overwrites the logits and
    their gradient overwrites softmax: one [N, V] array in place of four, and without gradients
    none.

    Args:
        hidden: [N, d]; weight: [V, d]; bias: [V] or None.
        early: [N], tokens that must still come before an end; None: none, anywhere.
    """
    arrays = (hidden, weight, bias)
    if not (torch.is_grad_enabled() and any(a is not None and a.requires_grad for a in arrays)):
        return _forward(hidden, weight, bias, tokens, rule, early, None)
    result: tuple[Tensor, Tensor] = _LogProbs.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, tokens, rule, early
    )
    return result


def _forward(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    tokens: Tensor,
    rule: TokenRule,
    early: Tensor | None,
    softmax: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """`log_probs`, chunk by chunk; fills `softmax` [N, V] where the backward pass wants it."""
    count = hidden.shape[0]
    chosen = hidden.new_empty(count, dtype=torch.float32)
    entropy = torch.empty_like(chosen)
    for rows in chunks(count, weight.shape[0], weight.device):
        logits = nn.functional.linear(hidden[rows], weight, bias).float()
        rule.apply(logits, None if early is None else early[rows])
        logits -= logits.amax(-1, keepdim=True)
        powers = torch.exp(logits, out=None if softmax is None else softmax[rows])
        total = powers.sum(-1)
        log_total = total.log()
        chosen[rows] = logits.gather(1, tokens[rows, None])[:, 0] - log_total
        entropy[rows] = log_total - mean_exponent(powers, logits) / total
        if softmax is not None:
            powers.div_(total[:, None])
    return chosen, entropy


class _LogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        tokens: Tensor,
        rule: TokenRule,
        early: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        softmax = hidden.new_empty((hidden.shape[0], weight.shape[0]), dtype=torch.float32)
        chosen, entropy = _forward(hidden, weight, bias, tokens, rule, early, softmax)
        ctx.save_for_backward(hidden, weight, tokens, softmax, entropy)
        ctx.has_bias = bias is not None
        ctx.temperature = rule.temperature
        # Backward passes run outside autocast: keep the forward's format.
        device = hidden.device.type
        ctx.dtype = hidden.dtype
        if torch.is_autocast_enabled(device):
            ctx.dtype = torch.get_autocast_dtype(device)
        ctx.set_materialize_grads(False)
        return chosen, entropy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_chosen: Tensor | None, grad_entropy: Tensor | None) -> Any:
        hidden, weight, tokens, softmax, entropy = ctx.saved_tensors
        # ∂ log p_a/∂z_j = 1[j = a] − p_j;  ∂H/∂z_j = −p_j (log p_j + H)
        factor = torch.zeros_like(entropy) if grad_chosen is None else -grad_chosen
        if grad_entropy is None:
            softmax.mul_(factor[:, None])
        else:
            surprise = softmax.clamp_min(torch.finfo(softmax.dtype).tiny).log_()
            surprise.add_(entropy[:, None]).mul_(-grad_entropy[:, None]).add_(factor[:, None])
            softmax.mul_(surprise)
        if grad_chosen is not None:
            softmax.scatter_add_(1, tokens[:, None], grad_chosen[:, None])
        if ctx.temperature != 1.0:
            softmax.div_(ctx.temperature)
        grad = softmax.to(ctx.dtype)
        grad_hidden = (grad @ weight.to(grad.dtype)).to(hidden.dtype)
        grad_weight = grad_bias = None
        if ctx.needs_input_grad[1]:
            grad_weight = (grad.t() @ hidden.to(grad.dtype)).to(weight.dtype)
        if ctx.has_bias and ctx.needs_input_grad[2]:
            grad_bias = softmax.sum(0).to(weight.dtype)
        return grad_hidden, grad_weight, grad_bias, None, None, None


def mean_exponent(powers: Tensor, exponents: Tensor) -> Tensor:
    """Σ_v e^z_v z_v of each row [N], from e^z and z [N, V]; divided by Σ e^z and taken from
    log Σ e^z it is the entropy."""
    kind = powers.device.type
    # Autocast would take a forbidden token's exponent to float16's −∞, and 0 × −∞ is NaN; bfloat16
    # reaches as far as float32.
    half = torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == torch.float16
    with torch.autocast(kind, enabled=False) if half else contextlib.nullcontext():
        # A product of a row and a column reads both arrays once and writes neither.
        return torch.bmm(powers[:, None, :], exponents[:, :, None])[:, 0, 0]


def unfused_log_probs(
    logits: Tensor, tokens: Tensor, rule: TokenRule, early: Tensor | None
) -> tuple[Tensor, Tensor]:
    """`log_probs` from logits [N, V] already computed by a model's own head."""
    logs = rule.apply(logits.float().clone(), early).log_softmax(-1)
    entropy = -(logs.exp() * logs).sum(-1)
    return logs.gather(1, tokens[:, None])[:, 0], entropy
