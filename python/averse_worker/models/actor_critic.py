"""Actor and critic on one trunk, as one module.

Everything that an update differentiates goes through `ActorCritic.forward`, tensors in and tensors
out: what wraps a module (DDP, FSDP2, `torch.compile`) sees all uses of its parameters.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from averse_worker.models.kernels.log_probs import TokenRule
from averse_worker.models.language_model import LanguageModel

VALUE_HEAD = "value_head."
"""prefix of the value head among the names of the trained parameters"""


class KlTerm(NamedTuple):
    """The exact KL to a reference, where it is wanted."""

    reference: LanguageModel
    hidden: Tensor
    """[N, d], the reference's hidden states at the N tokens that it is wanted at, in order"""
    where: Tensor
    """[B, T], true at those tokens"""
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
        tokens: Tensor,
        positions: Tensor,
        mask: Tensor | None,
        responses: Tensor,
        valid: Tensor,
        early: Tensor | None,
        *,
        values: bool = False,
        rule: TokenRule | None = None,
        kl: KlTerm | None = None,
    ) -> Evaluated:
        """Log-probabilities of `responses` in one pass over prompts and responses.

        Args:
            tokens: [B, P + T − 1], positions and mask likewise; as in `batches.Layout`.
            responses: [B, T], what was drawn after each of the last T tokens.
            valid: [B, T], true at the response tokens to compute; never at padding.
            early: [B, T], tokens that had still to come before an end; None: none, anywhere.
            values: whether to compute the critic too.
            rule: another one than the model's own.
            kl: computed as well, at tokens of its own.
        """
        model, rule = self.language_model, rule or self.rule
        hidden = model.hidden(tokens, positions, mask, responses.shape[1])
        # Rows of real tokens only: padding costs no logits.
        rows = _rows(hidden, valid)
        chosen = entropy = rows.new_zeros(0, dtype=torch.float32)
        if rows.shape[0]:
            some = None if early is None else _rows(early, valid)
            chosen, entropy = model.log_probs(rows, _rows(responses, valid), rule, some)
        own = _unrows(self.values(rows), valid) if values else None
        seen = Evaluated(_unrows(chosen, valid), _unrows(entropy, valid), own)
        if kl is None:
            return seen
        earlier = None if early is None else _rows(early, kl.where)

        def reference(part: slice) -> Tensor:
            with torch.no_grad():
                some = None if earlier is None else earlier[part]
                return kl.reference.logits(kl.hidden[part], rule, some)

        total, divergences = model.weighted_kl(
            _rows(hidden, kl.where), reference, rule, earlier, _rows(kl.weights, kl.where)
        )
        return seen._replace(kl_loss=total, kl=_unrows(divergences, kl.where))


def _rows(array: Tensor, valid: Tensor) -> Tensor:
    """[B, T, …] → the entries at real tokens, [N, …]."""
    return array.flatten(0, 1) if bool(valid.all()) else array[valid]


def _unrows(rows: Tensor, valid: Tensor) -> Tensor:
    """[N] → [B, T], zero at padding."""
    if rows.numel() == valid.numel():
        return rows.reshape(valid.shape)
    return torch.zeros(valid.shape, device=valid.device).masked_scatter(valid, rows)
