"""Supervised fine-tuning against a loss written out: −log p of every token but the first, over
all tokens of the batch, padding left out and end-of-text counted."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from averse_worker.data.tokenise import tokenise_texts
from averse_worker.training.sft import fine_tune
from payloads import sft_payload
from plain import plain_model
from tiny_models import WORDS, make_policy, no_report, write_policy

TEXTS = [" ".join(WORDS[i : i + 1 + i % 5]) for i in range(6)]
STEPS, RATE, LONGEST = 3, 1e-2, 9


def masked_loss(model: Any, rows: list[list[int]]) -> Tensor:
    terms = []
    for row in rows:
        logs = model(input_ids=torch.tensor([row[:-1]])).logits[0].log_softmax(-1)
        terms += [-logs[t, token] for t, token in enumerate(row[1:])]
    return sum(terms) / len(terms)


@pytest.mark.parametrize("pad", ["<|pad|>", None])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_losses_gradients_and_weights_are_those_of_the_loss(
    tmp_path: Path, family: str, pad: str | None
) -> None:
    """Without a padding token, end-of-text fills the batch up: as a label it still counts."""
    quiet_layers = {f"{name}_pdrop": 0.0 for name in ("resid", "embd", "attn")}
    write_policy(tmp_path, family, **(quiet_layers if family == "gpt2" else {}))
    path = tmp_path / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(settings | {"pad_token": pad}), encoding="utf-8")
    policy = make_policy(tmp_path)
    assert policy.pad_token == (0 if pad is None else 1)
    first: dict[str, Tensor] = {}

    def record(name: str, parameter: nn.Parameter) -> None:
        def keep(now: Tensor) -> None:
            if name not in first and now.grad is not None:
                first[name] = now.grad.clone()

        parameter.register_post_accumulate_grad_hook(keep)

    for name, parameter in policy.actor.causal.named_parameters():
        record(name, parameter)
    payload = sft_payload(
        seed=1, steps=STEPS, batch=len(TEXTS), learning_rate=RATE, max_tokens=LONGEST
    )
    found = fine_tune(policy, TEXTS, payload, no_report)

    rows = tokenise_texts(policy.tokenizer, TEXTS, LONGEST)
    assert len(set(map(len, rows))) > 2, "nothing is padded"
    assert {row[-1] == 0 for row in rows} == {True, False}, "no text is cut, or every one"
    model = plain_model(tmp_path, torch.float64)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0, foreach=False)
    losses = []
    for step in range(STEPS):
        loss = masked_loss(model, rows)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            for name, parameter in model.named_parameters():
                torch.testing.assert_close(
                    first[name].double(), parameter.grad, atol=1e-6, rtol=1e-3
                )
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        optimizer.step()
    assert found.loss_first == pytest.approx(losses[0], rel=1e-5)
    assert found.loss_last == pytest.approx(losses[-1], rel=1e-4)
    assert losses[-1] < losses[0]
    logits = []
    for trained in (policy.actor.causal, model):
        with torch.no_grad():
            logits.append(trained(input_ids=torch.tensor([rows[0]])).logits.double())
    torch.testing.assert_close(*logits, atol=1e-3, rtol=1e-3)
