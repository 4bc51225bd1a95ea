"""Learning under conditions against transformers alone: the gradient of the likelihood after one
text, of responses that were drawn after another, and of their exact KL from the reference."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.wire.messages.base import uint32_array
from averse_worker.wire.messages.load import LoadPayload
from payloads import load_payload, rollout_payload, update_payload
from plain import at, next_token_log_probs, plain_model

pytestmark = pytest.mark.filterwarnings("ignore")

EPISODES, BETA, END = 6, 0.3, 0
FORBIDDEN = (1, 320, 321, 322, 323)
"""Padding, and the rows of vocabulary without a token."""


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


@pytest.mark.parametrize("beta", [0.0, BETA])
def test_the_gradient_is_that_of_likelihood_and_exact_kl(
    torch_load: LoadPayload, beta: float
) -> None:
    load = load_payload(
        torch_load,
        conditions=["a dull film", "a film", "a great film"],
        training__critic=False,
        training__epochs=1,
        training__minibatch=64,
        training__max_grad_norm=1e9,
    )
    engine = TorchEngine()
    train = uint32_array(engine.load(load, quiet).train.ids)[:EPISODES]
    rolled = engine.rollout(rollout_payload(train, condition=2, beta=None), quiet)
    loaded = engine._loaded
    assert loaded is not None
    assert loaded.training.episodes is not None
    responses, rows = loaded.training.episodes.responses, loaded.training.rows
    prompts = loaded.prompts["train"].prompts
    conditions = np.arange(EPISODES) % 3
    result = engine.update(
        update_payload(
            rolled.rollout,
            advantages=np.ones(EPISODES),
            conditions=conditions,
            kl_weights=np.ones(EPISODES) if beta else None,
            kl_coefficient=beta,
        ),
        quiet,
    )

    model, frozen = (plain_model(Path(load.policy.model)) for _ in range(2))
    rule: dict[str, Any] = {"end": END, "forbidden": FORBIDDEN, "min_new_tokens": 1}
    likelihood, kl = torch.zeros(()), torch.zeros(())
    lengths = responses.lengths.tolist()
    for row, condition, tokens, length in zip(
        rows, conditions.tolist(), responses.tokens.tolist(), lengths, strict=True
    ):
        own = next_token_log_probs(model, prompts.under(condition)[row], tokens[:length], **rule)
        with torch.no_grad():
            told = next_token_log_probs(frozen, prompts.tokens[row], tokens[:length], **rule)
        likelihood = likelihood + at(own, tokens[:length]).sum()
        kl = kl + (own.exp() * (own - told)).sum()
    loss = (beta * kl - likelihood) / sum(lengths)
    loss.backward()
    norm = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm()
    assert result.figures["grad_norm"] == pytest.approx(float(norm), rel=2e-4)
    if beta:
        assert result.figures["loss_kl"] == pytest.approx(float(beta * kl / sum(lengths)), rel=1e-4)
