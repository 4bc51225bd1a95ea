"""The policy: actor and critic on one trunk, and the reference that KL is measured against."""

import contextlib
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.models.actor_critic import ActorCritic, Evaluated, KlTerm, places_of
from averse_worker.models.batches import Layout, PaddedPrompts, Responses
from averse_worker.models.descent import Descent, MakeOptimizer
from averse_worker.models.folder import ModelFolder
from averse_worker.models.kernels.checkpointing import blocks, checkpointed
from averse_worker.models.kernels.log_probs import TokenRule
from averse_worker.models.language_model import LanguageModel
from averse_worker.models.sharded import Network, Shards, shards_of
from averse_worker.models.steered import SampledModel, SteeredModel
from averse_worker.models.zero import ZeroNetwork
from averse_worker.platform.device import Device, quiet
from averse_worker.platform.ranks import ALONE, Ranks
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import LoadAdapter

if TYPE_CHECKING:
    from peft import PeftModel

_TRAINED: Final = "default"
_REFERENCE: Final = "reference"
"""names of the adapters in peft"""


class Policy:
    """A language model with a scalar value head on its last hidden state.

    With an adapter only its low-rank weights and the value head are trained, and the reference is
    the same network with the adapter off (after fine-tuning: with a frozen copy of it); otherwise
    it is a frozen copy of the network (or another model).

    Divided among processes (`ranks.sharded`), networks have their weights within `whole` and
    `reference` alone, which all processes enter together, and `parameters` are this process's rows.
    """

    def __init__(
        self,
        causal: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        rule: TokenRule,
        device: Device,
        *,
        adapter: LoadAdapter | None = None,
        critic: bool = True,
        reference: PreTrainedModel | None = None,
        gradient_checkpointing: bool = False,
        base: ModelFolder | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        """Takes `causal` over: it is moved, wrapped and trained in place.

        Args:
            base: where the weights lie in full, if `causal` has them quantized.
            ranks: the processes that it is divided among, if they are to.
        """
        self.tokenizer = tokenizer
        self.tokenizer_as_loaded = copy.deepcopy(tokenizer)
        """for exports: every call leaves its truncation and padding behind in a tokenizer"""
        self.rule = rule
        self.device = device
        self.base = base
        self._adapter = adapter
        self._gradient_checkpointing = gradient_checkpointing
        self.fine_tuned = False
        """whether the reference is no longer what was loaded"""
        self.own_reference = reference is None
        self.steered: SteeredModel | None = None
        """what is sampled from in place of the actor, where experts steer it"""
        causal = self._prepared(causal.to(device.torch_device))
        self.model = ActorCritic(causal, rule, critic=critic)
        if reference is not None:
            self._reference = self._frozen(reference.to(device.torch_device), "reference")
        self._network: Network | None = None
        self._reference_shards: Shards | None = None
        if ranks.sharded:
            if self.reference_model is not None:
                self._reference_shards = shards_of(self._reference, ranks)
            if ranks.deepspeed:
                self._network = ZeroNetwork(self.model, ranks)
            else:
                self._network = Network(self.model, self._layers, ranks)

    def become_reference(self) -> None:
        """Makes the present weights the reference, unless that is another model."""
        self.fine_tuned = True
        if not self.own_reference:
            return
        if self.adapter is None:
            if self._network is not None and self._reference_shards is not None:
                self._reference_shards.copy_from(self._network.shards)
            else:
                self._reference = self._frozen(self._copied(self.model.causal))
            return
        self.add_reference_adapter()
        trained = self.model.trained()
        with self.whole(), torch.no_grad():
            for name, frozen in self.reference_adapter.items():
                frozen.copy_(trained[name.replace(f".{_REFERENCE}.", f".{_TRAINED}.")])

    def add_reference_adapter(self) -> None:
        """Makes room for a frozen copy of the adapters, which is not used yet.

        Adapters are never merged into the base: in its number format most of them would round away.
        """
        if self.adapter is not None and _REFERENCE not in self.adapter.peft_config:
            with quiet():
                self.adapter.add_adapter(_REFERENCE, self.adapter.peft_config[_TRAINED])
            for frozen in self.reference_adapter.values():
                frozen.requires_grad_(False)

    @property
    def reference_adapter(self) -> dict[str, nn.Parameter]:
        """The frozen copy of the adapters, by name; empty where there is none."""
        named = self.model.causal.named_parameters()
        return {name: p for name, p in named if f".{_REFERENCE}." in name}

    def _prepared(self, causal: PreTrainedModel) -> PreTrainedModel:
        """`causal` with a new adapter in it where one is wanted; the reference follows it."""
        wanted = self._adapter
        if self.own_reference and wanted is None:
            self._reference = self._frozen(self._copied(causal))
        self.adapter: PeftModel | None = None
        if wanted is not None:
            from peft import LoraConfig, get_peft_model

            causal.requires_grad_(False)
            config = LoraConfig(
                r=wanted.rank,
                lora_alpha=wanted.alpha,
                lora_dropout=wanted.dropout,
                target_modules=wanted.targets or "all-linear",
                task_type="CAUSAL_LM",
            )
            with quiet():
                self.adapter = get_peft_model(causal, config)
        return causal

    @property
    def starts_as_reference(self) -> bool:
        """Whether the untrained policy and its reference agree to the last bit."""
        rounded = self.adapter is None and self.device.frozen_dtype not in (None, torch.float32)
        return self.own_reference and not rounded

    @contextlib.contextmanager
    def whole(self, *, taken_over: bool = False) -> Iterator[None]:
        """For the block, `model` has its weights: where they are divided, all processes enter it
        at the same point.

        Args:
            taken_over: whether a block that ends well has changed them, alike in all processes.
        """
        if self._network is None:
            yield
            return
        with self._network.shards.whole(taken_over=taken_over):
            yield

    @contextlib.contextmanager
    def updating(self) -> Iterator[None]:
        """For the block, passes with gradients through `network`."""
        network = self._network
        with (
            contextlib.nullcontext() if network is None else network.updating(),
            self._checkpointed(self.model if network is None else network.module),
        ):
            yield

    def checkpointed(self) -> contextlib.AbstractContextManager[None]:
        """For the block, `model` has gradient checkpointing where that is wanted."""
        return self._checkpointed(self.model)

    @contextlib.contextmanager
    def _checkpointed(self, model: ActorCritic) -> Iterator[None]:
        """The last block is left out: its activations are the first that the backward pass
        needs."""
        wanted = self._gradient_checkpointing
        found = blocks(model.causal.base_model, self._layers)[:-1] if wanted else []
        with checkpointed(found):
            yield

    @property
    def _layers(self) -> int:
        layers: int = self.model.causal.config.get_text_config().num_hidden_layers
        return layers

    @property
    def network(self) -> ActorCritic | Network:
        """`model` for passes with gradients, to which `backward` belongs."""
        return self.model if self._network is None else self._network

    def descent(self, make: MakeOptimizer, most: float, ranks: Ranks) -> Descent:
        """Of `parameters`; as `Descent`, with `ranks` that train the same policy."""
        if self._network is None:
            return Descent(self.parameters, make, most, self.device, ranks)
        return self._network.descent(make, most, self.device)

    def backward(self, loss: Tensor) -> None:
        """Adds gradients to those of `parameters`; where these are divided, those of all
        processes."""
        if self._network is None:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            self._network.backward(loss)

    @property
    def lora_rank(self) -> int:
        """0: full fine-tuning."""
        return 0 if self._adapter is None else self._adapter.rank

    @property
    def actor(self) -> LanguageModel:
        """The actor, for sampling token by token."""
        return self.model.language_model

    @property
    def sampled(self) -> SampledModel:
        """What completions are drawn from."""
        return self.actor if self.steered is None else self.steered

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything that is trained, by name; tied weights once."""
        return self.model.trained() if self._network is None else self._network.trained

    def rows(self, name: str) -> tuple[int, int] | None:
        """Of a parameter of the policy or its reference, which of its rows this process has: their
        first and how many there are in all. None: it has the whole."""
        return None if self._network is None else self._network.rows(name)

    @property
    def reference_parameters(self) -> dict[str, Tensor]:
        """Of a reference that is a network of its own, by name; empty where it is not."""
        if (model := self.reference_model) is None:
            return {}
        if self._reference_shards is None:
            return {name: parameter.detach() for name, parameter in model.named_parameters()}
        local = self._reference_shards.local
        return {name.removeprefix("causal."): tensor for name, tensor in local.items()}

    @property
    def sharded(self) -> bool:
        """Whether it is divided among processes."""
        return self._network is not None

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
        """Id of padding; its places follow from masks and lengths, never from this id."""
        return padding_token(self.tokenizer)

    @contextlib.contextmanager
    def reference(self) -> Iterator[ActorCritic]:
        """The frozen model; with LoRA, the policy must not be used inside the block."""
        if self.adapter is None or not self.own_reference:
            shards = self._reference_shards
            with contextlib.nullcontext() if shards is None else shards.whole():
                yield self._reference
            return
        with self.whole():
            if not self.fine_tuned:
                with self.adapter.disable_adapter():
                    yield self.model
                return
            self.adapter.set_adapter(_REFERENCE, inference_mode=True)
            try:
                yield self.model
            finally:
                self.adapter.set_adapter(_TRAINED)

    @contextlib.contextmanager
    def reference_head_whole(self) -> Iterator[None]:
        """For the block, what `reference_head` answers has its weights."""
        shards = self._reference_shards
        if shards is None and self._network is not None:
            shards = self._network.shards
        with (
            contextlib.nullcontext() if shards is None else shards.whole(self.reference_head().head)
        ):
            yield

    def reference_head(self) -> LanguageModel:
        """The reference for its logits alone, which an adapter off or on does not change.

        Raises:
            InputError: the adapter is on the head too.
        """
        if self.adapter is None or not self.own_reference:
            return self._reference.language_model
        if any("lora" in name for name, _ in self.actor.head.named_parameters()):
            raise InputError(
                "policy.lora_targets includes the output layer, but the exact KL needs that of the "
                "reference unchanged; remove it, or use the k3 estimator",
                key="policy.lora_targets",
            )
        return self.actor

    def is_static(self, model: SampledModel) -> bool:
        """Whether the model is given ready masks and drawn from with a `StaticBatch`."""
        return self.device.queued and isinstance(model, LanguageModel) and model.static

    def mask(self, model: SampledModel, mask: Tensor | None, length: int) -> Tensor | None:
        """The mask [B, length] of a pass over so many tokens, so that the host need not wait for
        it."""
        if isinstance(model, LanguageModel) and self.is_static(model):
            return model.whole_mask(mask, length)
        return mask

    def layout(
        self, model: ActorCritic | Network, prompts: PaddedPrompts, responses: Responses
    ) -> Layout:
        """Of a pass of `model`, with its masks. It reads equal prompts once, where it can."""
        # A prefix takes a second pass through the blocks: recomputed activations would append their
        # keys once more, and FSDP2 expects to come by each block once.
        no_second = isinstance(model, Network) or (
            self._gradient_checkpointing and torch.is_grad_enabled()
        )
        own = model.language_model
        layout = Layout.of(prompts, responses)
        if not no_second and (shared := layout.shared(prompts)) is not None and own.shares:
            layout = shared
        whole = self.mask(own, layout.mask, prompts.tokens.shape[1] + layout.keep - 1)
        if (prefix := layout.prefix) is None:
            return layout._replace(mask=whole)
        if whole is not None and whole.dim() == 4:
            whole = whole[:, :, -layout.keep :]
        before = self.mask(own, prefix.mask, prefix.tokens.shape[1])
        return layout._replace(mask=whole, prefix=prefix._replace(mask=before))

    def evaluate(
        self,
        model: ActorCritic | Network,
        prompts: PaddedPrompts,
        responses: Responses,
        min_new_tokens: int,
        *,
        values: bool = False,
        rule: TokenRule | None = None,
        wanted: NDArray[np.bool_] | None = None,
        kl: KlTerm | None = None,
    ) -> Evaluated:
        """Log-probabilities of the responses under `model`, in one pass with gradients.

        Args:
            wanted: [B, T], true at the tokens to compute, none of them padding; None: all of the
                responses.
        """
        layout, device = self.layout(model, prompts, responses), responses.tokens.device
        early = None
        if min_new_tokens:
            steps = torch.arange(layout.keep, device=device)
            early = (min_new_tokens - steps).expand_as(responses.tokens)
        with self.device.autocast():
            evaluated: Evaluated = model(
                layout,
                responses.tokens,
                places_of(responses.generated() if wanted is None else wanted, device),
                early,
                values=values,
                rule=rule,
                kl=kl,
            )
        return evaluated

    def _copied(self, causal: PreTrainedModel) -> PreTrainedModel:
        copied = copy.deepcopy(causal)
        return copied.to(self.device.frozen_dtype) if self.device.frozen_dtype else copied

    def _frozen(self, causal: PreTrainedModel, key: str = "policy.model") -> ActorCritic:
        causal.requires_grad_(False)
        return ActorCritic(causal, self.rule, critic=False, key=key)


def padding_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """The padding token, or end-of-text where the tokenizer (GPT-2's, say) has none."""
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    token: int = end if pad is None else pad
    return token
