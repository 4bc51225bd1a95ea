"""The policy: actor and critic on one trunk, and the reference that KL is measured against."""

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.models.batches import Layout, PaddedPrompts, Responses
from averse_worker.models.kernels.log_probs import TokenRule
from averse_worker.models.language_model import LanguageModel
from averse_worker.platform.device import Device, quiet

if TYPE_CHECKING:
    from peft import PeftModel


VALUE_HEAD = "value_head."
"""prefix of the value head among the names of the trained parameters"""


@dataclass(frozen=True)
class Evaluated:
    """What a model says of responses; every array is [B, T] float32, zero at padding."""

    log_probs: Tensor
    entropies: Tensor
    values: Tensor | None
    """the value head's part; None where it was not asked for"""


class Policy:
    """A language model with a scalar value head on its last hidden state.

    With `lora_rank` > 0 only low-rank adapters and the value head are trained, and the reference
    is the same network with its adapters off; otherwise it is a frozen copy (or another model).
    """

    def __init__(
        self,
        causal: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        rule: TokenRule,
        device: Device,
        *,
        lora_rank: int = 0,
        reference: PreTrainedModel | None = None,
    ) -> None:
        """Takes `causal` over: it is moved, wrapped and trained in place."""
        self.tokenizer = tokenizer
        self.tokenizer_as_loaded = copy.deepcopy(tokenizer)
        """for exports: every call leaves its truncation and padding behind in a tokenizer"""
        self.rule = rule
        self.device = device
        self.lora_rank = lora_rank
        self.fine_tuned = False
        """whether the weights below the adapters (or the reference) are no longer as loaded"""
        self.own_reference = reference is None
        self.install(causal.to(device.torch_device))
        if reference is not None:
            self._reference = LanguageModel(_frozen(reference.to(device.torch_device)), "reference")
        # Zero, so that the critic begins with the baseline alone.
        self.value_head = nn.Linear(self.actor.width, 1, device=device.torch_device)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)

    def install(self, causal: PreTrainedModel) -> None:
        """Makes `causal` the policy, and the reference too unless that is another model."""
        if self.own_reference and not self.lora_rank:
            self._reference = LanguageModel(_frozen(copy.deepcopy(causal)))
        self.adapter: PeftModel | None = None
        if self.lora_rank:
            from peft import LoraConfig, get_peft_model

            causal.requires_grad_(False)
            config = LoraConfig(
                r=self.lora_rank,
                lora_alpha=2 * self.lora_rank,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            )
            with quiet():
                self.adapter = get_peft_model(causal, config)
        self.actor = LanguageModel(causal)

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything that is trained, by name; tied weights once."""
        actor = {n: p for n, p in self.actor.causal.named_parameters() if p.requires_grad}
        return actor | {VALUE_HEAD + n: p for n, p in self.value_head.named_parameters()}

    @property
    def reference_model(self) -> PreTrainedModel | None:
        """The network of the reference, where it is one of its own."""
        return None if self.adapter and self.own_reference else self._reference.causal

    @property
    def size(self) -> int:
        """Parameters of the actor."""
        return sum(p.numel() for p in self.actor.causal.parameters())

    @property
    def end_tokens(self) -> tuple[int, ...]:
        """Ids that end a response; the first is the tokenizer's end of text."""
        return self.rule.end_tokens

    @property
    def pad_token(self) -> int:
        """Id that fills arrays up; masks and lengths say where, so no code looks for it."""
        return padding_token(self.tokenizer)

    @contextlib.contextmanager
    def reference(self) -> Iterator[LanguageModel]:
        """The frozen model; with LoRA, the policy must not be used inside the block."""
        if self.adapter is not None and self.own_reference:
            with self.adapter.disable_adapter():
                yield self.actor
        else:
            yield self._reference

    def values(self, hidden: Tensor) -> Tensor:
        """Value head's answers, float32, of hidden states [..., d]."""
        # A plain sum of products: autocast would take a matrix product to bfloat16.
        return (hidden.float() * self.value_head.weight[0]).sum(-1) + self.value_head.bias

    def evaluate(
        self,
        model: LanguageModel,
        prompts: PaddedPrompts,
        responses: Responses,
        min_new_tokens: int,
        *,
        values: bool = False,
    ) -> Evaluated:
        """Log-probabilities of the responses under `model`, in one pass with gradients."""
        layout = Layout.of(prompts, responses)
        valid = responses.valid()
        with self.device.autocast():
            hidden = model.hidden(layout.tokens, layout.positions, layout.mask, layout.keep)
            # Rows of real tokens only: padding costs no logits.
            rows = _rows(hidden, valid)
            early = None
            if min_new_tokens:
                steps = torch.arange(layout.keep, device=valid.device).expand_as(valid)
                early = _rows(steps, valid) < min_new_tokens
            tokens = _rows(responses.tokens, valid)
            chosen, entropy = model.log_probs(rows, tokens, self.rule, early)
        own = _unrows(self.values(rows), valid) if values else None
        return Evaluated(_unrows(chosen, valid), _unrows(entropy, valid), own)


def _rows(array: Tensor, valid: Tensor) -> Tensor:
    """[B, T, …] → the entries at real tokens, [N, …]."""
    return array.flatten(0, 1) if bool(valid.all()) else array[valid]


def _unrows(rows: Tensor, valid: Tensor) -> Tensor:
    """[N] → [B, T], zero at padding."""
    if rows.numel() == valid.numel():
        return rows.reshape(valid.shape)
    return torch.zeros(valid.shape, device=valid.device).masked_scatter(valid, rows)


def padding_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """The padding token, or end-of-text where the tokenizer (GPT-2's, say) has none."""
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    token: int = end if pad is None else pad
    return token


def _frozen(model: PreTrainedModel) -> PreTrainedModel:
    model.requires_grad_(False)
    return model.eval()
