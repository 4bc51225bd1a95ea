"""A model that samples otherwise than it is trained is told before it is trained."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.rollout.agreement import FLOAT32_BOUND, HALF_BOUND, check_agreement
from averse_worker.wire.errors import InputError

LENGTHS = torch.tensor([4, 2, 4])


def ratios(worst: float) -> torch.Tensor:
    """[3, 4] in which the second episode, of two tokens, has this KL."""
    found = torch.zeros(3, 4)
    found[1, :2] = torch.tensor([worst * 1.5, -worst * 0.5])
    return found


@given(st.floats(-1, 1))
def test_in_float32_no_episode_may_differ(worst: float) -> None:
    kl = float(ratios(worst).sum(1).abs().max())
    if kl <= FLOAT32_BOUND:
        check_agreement(ratios(worst), LENGTHS, torch.float32, "LlamaForCausalLM")
        return
    with pytest.raises(InputError, match=r"KL is .* nats per episode.*LlamaForCausalLM") as caught:
        check_agreement(ratios(worst), LENGTHS, torch.float32, "LlamaForCausalLM")
    assert caught.value.key == "policy.model"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_may_round(dtype: torch.dtype) -> None:
    # Of the three episodes one is off, by two tokens: a sixth of it is the mean per token.
    check_agreement(ratios(5.9 * HALF_BOUND), LENGTHS, dtype, "M")
    with pytest.raises(InputError, match=r"nats per token, expected at most 0\.01"):
        check_agreement(ratios(6.1 * HALF_BOUND), LENGTHS, dtype, "M")
