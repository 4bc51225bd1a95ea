"""Any transformers causal language model, split into its trunk and its head.

The trunk gives hidden states; logits are computed only where they are needed, which for a
policy means the generated tokens and not the prompt.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache, PreTrainedModel
from transformers.activations import NewGELUActivation
from transformers.cache_utils import DynamicLayer
from transformers.modeling_outputs import BaseModelOutputWithPast

from averse_worker.models.batches import Layout, Prefix
from averse_worker.models.kernels import cpu_attention
from averse_worker.models.kernels.kl import ReferenceLogits, kl_of_logits, weighted_kl
from averse_worker.models.kernels.kv_cache import new_cache, static_cache
from averse_worker.models.kernels.log_probs import TokenRule, chunks, log_probs, unfused_log_probs
from averse_worker.models.kernels.trimming import last_block, trimmed
from averse_worker.platform.device_errors import is_device_error
from averse_worker.platform.memory import is_out_of_memory
from averse_worker.wire.errors import InputError

_RESCALING: Final = ("final_logit_softcapping", "logit_scale", "logits_scaling")
"""config fields of models that change their logits after the head"""

_MASKED_ATTENTIONS: Final = ("sdpa", "eager", cpu_attention.NAME)
"""that take a mask ready made"""


class LanguageModel:
    """A causal language model; `causal` may hold LoRA layers."""

    def __init__(self, causal: PreTrainedModel, key: str = "policy.model") -> None:
        """Puts the model into evaluation mode and tries it out on a few tokens.

        Raises:
            InputError: the architecture cannot be split into trunk and head, or cannot be sampled
                from a padded batch with a cache.
        """
        self.causal = causal.eval()
        _fuse_activations(causal)
        self._prefix: str = causal.base_model_prefix
        self._trunk: nn.Module = causal.base_model
        head = causal.get_output_embeddings()
        if self._trunk is causal or not isinstance(head, nn.Module):
            raise InputError(
                f"{type(causal).__name__} has no separate trunk and head; "
                "expected a decoder-only language model such as GPT-2, Llama or Qwen",
                key=key,
            )
        self.head = head
        """from hidden states to logits"""
        self._vocabulary: int = head.weight.shape[0]  # type: ignore[index, assignment]
        parameters = inspect.signature(self._trunk.forward).parameters
        self._takes_positions = "position_ids" in parameters
        self._last_block: nn.Module | None = None
        self._settle(key)

    @property
    def device(self) -> torch.device:
        """The device of its parameters."""
        device: torch.device = self.causal.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its parameters."""
        dtype: torch.dtype = self.causal.dtype
        return dtype

    @property
    def width(self) -> int:
        """Size of a hidden state."""
        return self._width

    @functools.cached_property
    def static(self) -> bool:
        """Whether a `StaticBatch` of it draws what it should: with keys and values at fixed places,
        and a mask that says which of them count. Tried on a few tokens."""
        causal = self.causal
        if not (
            causal._can_compile_fullgraph
            and causal.config._attn_implementation in _MASKED_ATTENTIONS
            and self._takes_positions
            # The host would wait for them.
            and not self._rope_follows_values
        ):
            return False
        tokens = torch.arange(2, 7, device=self.device)[None]
        return _agree(
            lambda: self._padded_and_cached(tokens),
            lambda: self._padded_and_cached(tokens, static=True),
        )

    @functools.cached_property
    def shares(self) -> bool:
        """Whether a pass that reads equal prompts once (`Layout.prefix`) gives what another does.
        Tried on a few tokens."""
        if not self._takes_positions or self._rope_follows_values:
            return False
        tokens = torch.tensor([[2, 3, 4, 5], [2, 3, 4, 6], [3, 4, 5, 2]], device=self.device)
        places = torch.arange(4, device=self.device).expand(3, 4)
        rows = torch.tensor([0, 0, 1], device=self.device)
        layout = Layout(
            tokens[:, 2:],
            places[:, 2:],
            None,
            2,
            Prefix(tokens[1:, :2], places[1:, :2], None, rows),
        )
        return _agree(lambda: self.hidden(tokens, places, None, 2), lambda: self.hidden_of(layout))

    def whole_mask(self, mask: Tensor | None, length: int) -> Tensor:
        """`ready_mask` of a causal pass over so many tokens, from its mask [B, length], 0 at
        padding; None: there is no padding."""
        square = torch.ones((length, length), dtype=torch.bool, device=self.device)
        causal = square.tril()[None, None]
        if mask is None:
            return self.ready_mask(causal)
        # Padding sees itself, and so never nothing.
        return self.ready_mask(mask[:, None, None, :].bool() & causal | square.diag().diag())

    def ready_mask(self, where: Tensor) -> Tensor:
        """[B, 1, queries, keys] as its attention takes it, of a mask that is true where a query
        sees a key. Otherwise transformers asks the device whether anything is padded or packed."""
        if self.causal.config._attn_implementation == "sdpa":
            return where
        least = torch.finfo(torch.float32).min
        return torch.zeros(where.shape, device=where.device).masked_fill_(~where, least)

    @property
    def seen(self) -> float:
        """What stands in a `ready_mask` where a query sees a key."""
        return 1.0 if self.causal.config._attn_implementation == "sdpa" else 0.0

    def cache(self, capacity: int) -> DynamicCache:
        """An empty key-value cache for `capacity` tokens."""
        return new_cache(self.causal.config, capacity)

    def hidden(
        self,
        tokens: Tensor,
        positions: Tensor,
        mask: Tensor | None,
        keep: int,
        cache: DynamicCache | None = None,
    ) -> Tensor:
        """Hidden states [B, keep, d] of the last `keep` tokens.

        Args:
            tokens: [B, L], the tokens not yet in `cache`.
            positions: [B, L], counted from 0 at the first token that is no padding. Always given:
                GPT-2 in transformers 5 would count through left padding.
            mask: [B, cached + L], 0 at left padding; None: there is no padding.
        """
        trim: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if self._last_block is not None and keep < tokens.shape[1]:
            trim = trimmed(self._last_block, keep)
        with trim:
            output = self._trunk(
                input_ids=tokens,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=cache is not None,
                **self._place(positions),
            )
        hidden: Tensor = output.last_hidden_state[:, -keep:]
        return hidden

    def hidden_of(self, layout: Layout) -> Tensor:
        """Hidden states [B, keep, d] of a layout whose masks are as `Policy.layout` makes them."""
        cache = None
        if (prefix := layout.prefix) is not None:
            # Not `new_cache`: autograd does not allow writing into what it needs.
            cache = DynamicCache(config=self.causal.config)
            if any(type(layer) is not DynamicLayer for layer in cache.layers):
                raise NotImplementedError("keys and values of another kind, such as sliding ones")
            # These are all that is used of this pass.
            self.hidden(prefix.tokens, prefix.positions, prefix.mask, 1, cache)
            for layer in cache.layers:
                layer.keys = layer.keys.index_select(0, prefix.place)
                layer.values = layer.values.index_select(0, prefix.place)
        return self.hidden(layout.tokens, layout.positions, layout.mask, layout.keep, cache)

    def logits(self, hidden: Tensor, rule: TokenRule, early: Tensor | None) -> Tensor:
        """Float32 logits [N, V] of hidden states [N, d] under `rule`."""
        return rule.apply(self._raw_logits(hidden).float(), early)

    def log_probs(
        self, hidden: Tensor, tokens: Tensor, rule: TokenRule, early: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of `tokens` [N] after hidden states [N, d], and entropies [N]."""
        if self._plain:
            weight, bias = self.head.weight, getattr(self.head, "bias", None)
            return log_probs(hidden, weight, bias, tokens, rule, early)  # type: ignore[arg-type]
        if torch.is_grad_enabled():
            return unfused_log_probs(self._raw_logits(hidden), tokens, rule, early)
        parts = [
            unfused_log_probs(
                self._raw_logits(hidden[rows]),
                tokens[rows],
                rule,
                None if early is None else early[rows],
            )
            for rows in chunks(hidden.shape[0], self._vocabulary, hidden.device)
        ]
        chosen, entropies = zip(*parts, strict=True)
        return torch.cat(chosen), torch.cat(entropies)

    def weighted_kl(
        self,
        hidden: Tensor,
        reference: ReferenceLogits,
        rule: TokenRule,
        early: Tensor | None,
        row_weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Σ_i w_i KL_i after hidden states [N, d] against the reference's logits, and KL [N]."""
        if self._plain:
            weight, bias = self.head.weight, getattr(self.head, "bias", None)
            return weighted_kl(hidden, weight, bias, reference, rule, early, row_weights)  # type: ignore[arg-type]

        def of_rows(part: Tensor, rows: slice) -> Tensor:
            logits = self.logits(part, rule, None if early is None else early[rows])
            return kl_of_logits(logits, reference(rows))

        # The logits of a chunk are computed again in the backward pass, in place of holding all.
        parts = [
            checkpoint(of_rows, hidden[rows], rows, use_reentrant=False, preserve_rng_state=False)
            for rows in chunks(hidden.shape[0], self._vocabulary, hidden.device)
        ]
        divergences = torch.cat(parts)
        return (row_weights * divergences).sum(), divergences.detach()

    @property
    def _rope_follows_values(self) -> bool:
        """Whether rotations depend on the greatest position of a pass."""
        rope = getattr(self.causal.config.get_text_config(), "rope_parameters", None) or {}
        return bool({rope.get("rope_type")} & {"dynamic", "longrope"})

    def _place(self, positions: Tensor) -> dict[str, Tensor]:
        # Models with ALiBi (Bloom, MPT) take their positions from the mask alone.
        return {"position_ids": positions} if self._takes_positions else {}

    def _raw_logits(self, hidden: Tensor) -> Tensor:
        if self._plain:
            logits: Tensor = self.head(hidden)
            return logits
        # Models with a soft cap or a scale after the head (Gemma 2, Cohere, Granite): let their
        # own forward pass run on top of a trunk that returns these hidden states.
        modules = self.causal._modules
        modules[self._prefix] = _Recorded(hidden[None])
        try:
            dummy = torch.zeros((1, hidden.shape[0]), dtype=torch.long, device=hidden.device)
            logits = self.causal(input_ids=dummy, use_cache=False).logits[0]
        finally:
            modules[self._prefix] = self._trunk
        return logits

    @torch.no_grad()
    def _settle(self, key: str) -> None:
        """Chooses head and attention so that the split model equals the original.

        Tried on a few tokens, once with left padding and a cache, as sampling will use it.
        """
        tokens = torch.arange(2, 7, device=self.device)[None]
        places = torch.arange(5, device=self.device)[None]
        cause: Exception | None = None
        try:
            expected = self.hidden(tokens, places, None, keep=5)[0]
            for attention in self._attentions():
                if attention != self.causal.config._attn_implementation:
                    self.causal.set_attn_implementation(attention)
                try:
                    if self._suits(tokens, places, expected):
                        return
                except NotImplementedError:  # a variant of attention that ours does not implement
                    continue
        except Exception as error:
            if is_out_of_memory(error) or is_device_error(error):
                raise
            cause = error
        raise InputError(
            f"{type(self.causal).__name__} cannot be sampled token by token from a padded batch "
            "with the same results as in one pass; expected a decoder-only transformer such as "
            "GPT-2, Llama or Qwen",
            key=key,
        ) from cause

    def _suits(self, tokens: Tensor, places: Tensor, expected: Tensor) -> bool:
        """Whether the present attention agrees with `expected`; if so, the head is chosen."""
        hidden = self.hidden(tokens, places, None, keep=5)[0]
        cached = self._padded_and_cached(tokens)
        if cached is None or not (
            _near(hidden, expected, 1e-3) and _near(cached, hidden[2:], 1e-3)
        ):
            return False
        self._width = hidden.shape[-1]
        self._trim(tokens, places, hidden)
        whole = self.causal(input_ids=tokens, use_cache=False, **self._place(places)).logits[0]
        for plain in (True, False):
            self._plain = plain and type(self.head) is nn.Linear and not self._rescales()
            if _near(self._raw_logits(hidden), whole, 1e-5):
                return True
        return False

    def _attentions(self) -> Iterator[str]:
        """Attentions to try, the fastest first; the model's own comes last."""
        own = self.causal.config._attn_implementation
        # A model that computes its attention itself cannot be given another.
        if self.device.type == "cpu" and self.causal._supports_attention_backend:
            cpu_attention.register()
            yield cpu_attention.NAME
        yield own

    def _trim(self, tokens: Tensor, places: Tensor, whole: Tensor) -> None:
        """Trims the last block from now on, if that leaves the last hidden states as they are."""
        layers = self.causal.config.get_text_config().num_hidden_layers
        self._last_block = last_block(self._trunk, layers)
        try:
            if _near(self.hidden(tokens, places, None, keep=2)[0], whole[-2:], 1e-5):
                return
        except (NotImplementedError, TypeError):
            pass
        self._last_block = None

    def _rescales(self) -> bool:
        # By the config, because the effect may be too small to see on a few tokens.
        config = self.causal.config.get_text_config()
        return any(getattr(config, name, None) not in (None, 1.0) for name in _RESCALING)

    def _padded_and_cached(self, tokens: Tensor, *, static: bool = False) -> Tensor | None:
        """Hidden states [3, d] of the last three of five tokens, two of them one by one; None: the
        cache cannot be static, and that was wanted."""
        row = nn.functional.pad(tokens, (2, 0))
        mask = torch.ones_like(row)
        mask[:, :2] = 0
        places = (mask.cumsum(1) - 1).clamp_min(0)
        cache = self.cache(row.shape[1])
        hidden = [self.hidden(row[:, :5], places[:, :5], mask[:, :5], 1, cache)]
        place = torch.full((1,), 5, device=self.device)
        # One place more than there are tokens.
        fixed = static_cache(cache, 8, place) if static else None
        if static and fixed is None:
            return None
        for end in (6, 7):
            one, seen = slice(end - 1, end), mask[:, :end]
            if fixed is not None:
                seen = nn.functional.pad(seen, (0, 8 - end))
                seen = self.ready_mask(seen[:, None, None, :].bool())
            hidden.append(self.hidden(row[:, one], places[:, one], seen, 1, fixed or cache))
            place += 1
        return torch.cat(hidden, dim=1)[0]


@torch.no_grad()
def _agree(usual: Callable[[], Tensor | None], other: Callable[[], Tensor | None]) -> bool:
    """Whether another way to hidden states gives what the usual one does; false where one of them
    answers nothing, or the model refuses it."""
    try:
        expected, found = usual(), other()
    except (NotImplementedError, TypeError, ValueError, RuntimeError) as error:
        if is_out_of_memory(error) or is_device_error(error):
            raise
        return False
    return found is not None and expected is not None and _near(found, expected, 1e-3)


def _near(one: Tensor, other: Tensor, tolerance: float) -> bool:
    if one.dtype != torch.float32:
        tolerance = 5e-2
    scale = float(other.abs().max())
    return float((one - other).abs().max()) <= tolerance * max(scale, 1e-6)


class _Recorded(nn.Module):
    """Stands in for a trunk whose hidden states are already known."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self._hidden = hidden

    def forward(self, *args: Any, **kwargs: Any) -> BaseModelOutputWithPast:
        return BaseModelOutputWithPast(last_hidden_state=self._hidden)


def _fuse_activations(causal: nn.Module) -> None:
    """GPT-2's GELU as one kernel: the same formula, an eighth of the step's time saved."""
    for module in list(causal.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, nn.GELU(approximate="tanh"))
