"""The nucleus of a distribution."""

import torch
from torch import Tensor


def nucleus_edge(powers: Tensor, top_p: float) -> Tensor:
    """The smallest unnormalised probability [N, 1] in the nucleus (Holtzman et al. 2020)."""
    ordered = powers.sort(dim=-1, descending=True).values
    before = ordered.cumsum(-1) - ordered
    outside = before >= top_p * ordered.sum(-1, keepdim=True)
    # The most probable token is inside whatever top_p is.
    outside[:, 0] = False
    return ordered.masked_fill(outside, torch.inf).amin(-1, keepdim=True)
