"""Actor and critic on one trunk, as one module.

Everything that an update differentiates goes through `ActorCritic.forward`, tensors in and tensors
out: what wraps a module (DDP, FSDP2, `torch.compile`) sees all uses of its parameters.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from averse_worker.models.batches import Layout, uploaded
from averse_worker.models.kernels.log_probs import TokenRule
from averse_worker.models.language_model import LanguageModel

VALUE_HEAD = "value_head."
"""prefix of the value head among the names of the trained parameters"""


class KlTerm(NamedTuple):
    """The exact KL to a reference, where it is wanted."""

    reference: LanguageModel
    hidden: Tensor
    """[N, d], the reference's hidden states at the N tokens that it is wanted at, in order"""
    places: Tensor | None
    """of those tokens, as of `places_of`"""
    weights: Tensor
    """[B, T] ≥ 0, in the loss"""


class Evaluated(NamedTuple):
    """What a model says of responses; every array is [B, T] float32, zero at what was left out."""

    log_probs: Tensor
    entropies: Tensor
    """nats"""
    values: Tensor | None
    """the value head's part; None where not requested"""
    kl_loss: Tensor | None = None
    """Σ weight · KL, with gradients; None where not requested"""
    kl: Tensor | None = None
    """KL at each token, without gradients"""


class ActorCritic(nn.Module):
    """A causal language model, and a scalar value head on its last hidden state if wanted."""

    def __init__(
        self,
        causal: PreTrainedModel,
        rule: TokenRule,
        *,
        critic: bool,
        key: str = "policy.model",
    ) -> None:
        """Takes `causal` over.

        Args:
            rule: the distribution that log-probabilities and entropies are of.
            key: config key that named the model, for errors.
        """
        super().__init__()
        self.rule = rule
        self.install(causal, key)
        self.value_head: nn.Linear | None = None
        if critic:
            # Zero, so that the critic begins with the baseline alone.
            self.value_head = nn.Linear(self.language_model.width, 1, device=causal.device)
            nn.init.zeros_(self.value_head.weight)
            nn.init.zeros_(self.value_head.bias)

    def install(self, causal: PreTrainedModel, key: str = "policy.model") -> None:
        """Makes `causal` the actor; the value head stays."""
        self.causal = causal
        # A view of `causal`, not a child: each parameter has one name.
        self.language_model = LanguageModel(causal, key)

    def trained(self) -> dict[str, nn.Parameter]:
        """Every parameter that is trained, by name; tied weights once."""
        actor = {n: p for n, p in self.causal.named_parameters() if p.requires_grad}
        if self.value_head is None:
            return actor
        return actor | {VALUE_HEAD + n: p for n, p in self.value_head.named_parameters()}

    def values(self, hidden: Tensor) -> Tensor:
        """Value head's output, float32, of hidden states [..., d]."""
        assert self.value_head is not None, "this model was made without a critic"
        # A plain sum of products: autocast would take a matrix product to bfloat16.
        return (hidden.float() * self.value_head.weight[0]).sum(-1) + self.value_head.bias

    def forward(
        self,
        layout: Layout,
        responses: Tensor,
        places: Tensor | None,
        early: Tensor | None,
        *,
        values: bool = False,
        rule: TokenRule | None = None,
        kl: KlTerm | None = None,
    ) -> Evaluated:
        """Log-probabilities of `responses` in one pass over prompts and responses.

        Args:
            layout: as `Policy.layout` makes it.
            responses: [B, T], what was drawn after each of the last T tokens.
            places: of the response tokens to compute, none of them padding; as of `places_of`.
            early: [B, T], tokens that had still to come before an end; None: none, anywhere.
            values: whether to compute the critic too.
            rule: another one than the model's own.
            kl: computed as well, at tokens of its own.
        """
        model, rule = self.language_model, rule or self.rule
        hidden = model.hidden_of(layout)
        # Rows of real tokens only: padding costs no logits.
        rows, shape = rows_at(hidden, places), responses.shape
        chosen = entropy = rows.new_zeros(0, dtype=torch.float32)
        if rows.shape[0]:
            some = None if early is None else rows_at(early, places)
            chosen, entropy = model.log_probs(rows, rows_at(responses, places), rule, some)
        own = put_rows(self.values(rows), places, shape) if values else None
        seen = Evaluated(put_rows(chosen, places, shape), put_rows(entropy, places, shape), own)
        if kl is None:
            return seen
        earlier = None if early is None else rows_at(early, kl.places)

        def reference(part: slice) -> Tensor:
            with torch.no_grad():
                some = None if earlier is None else earlier[part]
                return kl.reference.logits(kl.hidden[part], rule, some)

        total, divergences = model.weighted_kl(
            rows_at(hidden, kl.places), reference, rule, earlier, rows_at(kl.weights, kl.places)
        )
        return seen._replace(kl_loss=total, kl=put_rows(divergences, kl.places, shape))


def places_of(wanted: NDArray[np.bool_], device: torch.device) -> Tensor | None:
    """Places [N] of the tokens `wanted` [B, T] in the flattened array, on the device; None: all.

    Found on the host: with a mask on a GPU, the host would wait to learn how many they are.
    """
    return None if wanted.all() else uploaded(np.flatnonzero(wanted), device)


def rows_at(array: Tensor, places: Tensor | None) -> Tensor:
    """[B, T, …] → the entries at those places, [N, …]."""
    flat = array.flatten(0, 1)
    return flat if places is None else flat[places]


def put_rows(rows: Tensor, places: Tensor | None, shape: torch.Size) -> Tensor:
    """[N] → [B, T], zero elsewhere."""
    if places is None:
        return rows.reshape(shape)
    return rows.new_zeros(shape.numel()).index_copy(0, places, rows).reshape(shape)
