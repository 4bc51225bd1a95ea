"""The policy: actor and critic on one trunk, and the reference that KL is measured against."""

import contextlib
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.models.actor_critic import ActorCritic, Evaluated
from averse_worker.models.batches import Layout, PaddedPrompts, Responses
from averse_worker.models.kernels.log_probs import TokenRule
from averse_worker.models.language_model import LanguageModel
from averse_worker.platform.device import Device, quiet

if TYPE_CHECKING:
    from peft import PeftModel


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
        causal = self._prepared(causal.to(device.torch_device))
        self.model = ActorCritic(causal, rule, critic=True)
        if reference is not None:
            self._reference = self._frozen(reference.to(device.torch_device), "reference")

    def install(self, causal: PreTrainedModel) -> None:
        """Makes `causal` the policy, and the reference too unless that is another model."""
        self.model.install(self._prepared(causal))

    def _prepared(self, causal: PreTrainedModel) -> PreTrainedModel:
        """`causal` with new adapters in it where they are wanted; the reference follows it."""
        if self.own_reference and not self.lora_rank:
            self._reference = self._frozen(copy.deepcopy(causal))
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
        return causal

    @property
    def actor(self) -> LanguageModel:
        """The actor, for token by token."""
        return self.model.language_model

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything that is trained, by name; tied weights once."""
        return self.model.trained()

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
    def reference(self) -> Iterator[ActorCritic]:
        """The frozen model; with LoRA, the policy must not be used inside the block."""
        if self.adapter is not None and self.own_reference:
            with self.adapter.disable_adapter():
                yield self.model
        else:
            yield self._reference

    def evaluate(
        self,
        model: ActorCritic,
        prompts: PaddedPrompts,
        responses: Responses,
        min_new_tokens: int,
        *,
        values: bool = False,
        rule: TokenRule | None = None,
    ) -> Evaluated:
        """Log-probabilities of the responses under `model`, in one pass with gradients."""
        layout = Layout.of(prompts, responses)
        valid = responses.valid()
        early = None
        if min_new_tokens:
            steps = torch.arange(layout.keep, device=valid.device)
            early = (min_new_tokens - steps).expand_as(valid)
        with self.device.autocast():
            evaluated: Evaluated = model(
                layout.tokens,
                layout.positions,
                layout.mask,
                responses.tokens,
                valid,
                early,
                values=values,
                rule=rule,
            )
        return evaluated

    def _frozen(self, causal: PreTrainedModel, key: str = "policy.model") -> ActorCritic:
        causal.requires_grad_(False)
        return ActorCritic(causal, self.rule, critic=False, key=key)


def padding_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """The padding token, or end-of-text where the tokenizer (GPT-2's, say) has none."""
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    token: int = end if pad is None else pad
    return token
