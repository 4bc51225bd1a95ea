"""Any transformers causal language model, split into its trunk and its head.

The trunk gives hidden states; logits are computed only where they are asked for, which for a
policy means the generated tokens and not the prompt.
"""

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel
from transformers.activations import NewGELUActivation
from transformers.modeling_outputs import BaseModelOutputWithPast

from averse_worker.errors import InputError
from averse_worker.head import TokenRule, log_probs, unfused_log_probs
from averse_worker.kv_cache import new_cache


class LanguageModel:
    """A causal language model; `causal` may hold LoRA layers."""

    def __init__(self, causal: PreTrainedModel, key: str = "policy.model") -> None:
        """Puts the model into evaluation mode and finds out how its head works.

        Raises:
            InputError: the architecture cannot be split into trunk and head.
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
        self._head = head
        parameters = inspect.signature(self._trunk.forward).parameters
        self._takes_positions = "position_ids" in parameters
        self._plain = self._head_is_linear(key)

    @property
    def device(self) -> torch.device:
        """Where its parameters lie."""
        device: torch.device = self.causal.device
        return device

    @property
    def width(self) -> int:
        """Size of a hidden state."""
        return self._width

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
        output = self._trunk(
            input_ids=tokens,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
            **self._place(positions),
        )
        hidden: Tensor = output.last_hidden_state[:, -keep:]
        return hidden

    def logits(self, hidden: Tensor, rule: TokenRule, early: Tensor | None) -> Tensor:
        """Float32 logits [N, V] of hidden states [N, d] under `rule`."""
        return rule.apply(self._raw_logits(hidden).float(), early)

    def log_probs(
        self, hidden: Tensor, tokens: Tensor, rule: TokenRule, early: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of `tokens` [N] after hidden states [N, d], and entropies [N]."""
        if self._plain:
            weight, bias = self._head.weight, getattr(self._head, "bias", None)
            return log_probs(hidden, weight, bias, tokens, rule, early)  # type: ignore[arg-type]
        return unfused_log_probs(self._raw_logits(hidden), tokens, rule, early)

    def _place(self, positions: Tensor) -> dict[str, Tensor]:
        # Models with ALiBi (Bloom, MPT) take their positions from the mask alone.
        return {"position_ids": positions} if self._takes_positions else {}

    def _raw_logits(self, hidden: Tensor) -> Tensor:
        if self._plain:
            logits: Tensor = self._head(hidden)
            return logits
        # Models with a soft cap or a scale after the head (Gemma 2, Cohere, Granite): let their
        # own forward pass run on top of a trunk that answers these hidden states.
        modules = self.causal._modules
        modules[self._prefix] = _Recorded(hidden[None])
        try:
            dummy = torch.zeros((1, hidden.shape[0]), dtype=torch.long, device=hidden.device)
            logits = self.causal(input_ids=dummy, use_cache=False).logits[0]
        finally:
            modules[self._prefix] = self._trunk
        return logits

    @torch.no_grad()
    def _head_is_linear(self, key: str) -> bool:
        """Compares the split model with the whole one on a few tokens."""
        tokens = torch.arange(4, device=self.device)[None]
        whole = self.causal(input_ids=tokens, use_cache=False, **self._place(tokens)).logits[0]
        hidden = self.hidden(tokens, tokens, None, keep=4)[0]
        self._width = hidden.shape[-1]
        tolerance = 1e-2 if whole.dtype != torch.float32 else 1e-4
        for plain in (True, False):
            self._plain = plain and type(self._head) is nn.Linear
            if torch.allclose(self._raw_logits(hidden), whole, rtol=tolerance, atol=tolerance):
                return self._plain
        raise InputError(
            f"{type(self.causal).__name__} computes its logits from more than its last hidden "
            "state; expected a decoder-only language model such as GPT-2, Llama or Qwen",
            key=key,
        )


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
