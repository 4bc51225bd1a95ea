"""PPO, from the drawn tokens to the weights after several epochs, against a plain loop: the
formulas one after another, one episode at a time, in float64."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from averse_worker.data.tokenise import Prompts
from averse_worker.rollout.collect import Collector, Episodes, RolloutSummary
from averse_worker.rollout.generate import Sampler, uniforms
from averse_worker.training import ppo as ppo_module
from averse_worker.training.ppo import Ppo, UpdateSummary
from averse_worker.wire.messages.load import LoadTraining
from payloads import load_payload
from plain import at, entropies, next_token_log_probs, plain_model
from tiny_models import make_policy, no_report, rewards_of, update_once, write_language_model

PROMPTS = [[0, 40, 50, 60], [0, 70], [0, 33, 34], [0, 80, 81, 82], [9], [0, 90, 91]]
WEIGHTS = [1.0, 0.5, 0.0, 2.0, 1.0, 0.25]
LEARNED = [i for i, weight in enumerate(WEIGHTS) if weight > 0]
BETA, RATE_FACTOR, LARGEST_REWARD = 0.3, 0.5, 1.5
SAMPLING: dict[str, Any] = {"temperature": 0.9, "min_new_tokens": 2}
FORBIDDEN = (1, 320, 321, 322, 323)
TRAINING: dict[str, Any] = {
    "epochs": 4,
    "learning_rate": 3e-3,
    "value_learning_rate": 3e-2,
    "gamma": 0.97,
    "lambda": 0.9,
    "clip_ratio": 0.1,
    "clip_value": 0.2,
    "value_coefficient": 0.5,
    "entropy_coefficient": 0.02,
    "max_grad_norm": 2.0,
}


class DistinctLetters:
    """A reward model without a model."""

    batch: int | None = None

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([len(set(text)) / 4 for text in texts], dtype=np.float32)


@dataclass(frozen=True)
class Updated:
    """What the engine made of one rollout."""

    before: dict[str, Tensor]
    after: dict[str, Tensor]
    episodes: Episodes
    rollout: RolloutSummary
    told: UpdateSummary
    groups: list[list[int]]
    """episodes of each gradient step, by their place in `LEARNED`"""


def update(folder: Path, reference: Path, minibatch: int, spy: pytest.MonkeyPatch) -> Updated:
    changes: dict[str, Any] = {
        "rollout__temperature": SAMPLING["temperature"],
        "rewards__0__transform": "clip",
        "rewards__0__scale": LARGEST_REWARD,
        "training__minibatch": minibatch,
        **{f"training__{name}": value for name, value in TRAINING.items()},
    }
    payload, policy = load_payload(**changes), make_policy(folder, reference, **changes)
    torch.manual_seed(3)
    nn.init.normal_(policy.model.value_head.weight, std=0.2)
    nn.init.constant_(policy.model.value_head.bias, 0.1)
    with torch.no_grad():  # end-of-text becomes likely, and responses of different length
        trunk = policy.actor.causal.transformer
        trunk.ln_f.bias += 0.6 * trunk.wte.weight[0]
    before = {n: p.detach().clone() for n, p in policy.parameters.items()}

    least, rows = SAMPLING["min_new_tokens"], np.arange(len(PROMPTS))
    collector = Collector(
        policy,
        Sampler(7, min_new_tokens=least),
        rewards_of(DistinctLetters(), payload),
        payload.training,
    )
    prompts = Prompts(rows.astype(np.uint32), PROMPTS, policy.tokenizer.batch_decode(PROMPTS))
    unused = np.zeros((1, len(PROMPTS)), dtype=np.float32)
    draws = uniforms(1, len(PROMPTS), 7)
    episodes, rollout = collector.collect(prompts, unused, rows, draws, BETA, no_report)

    groups: list[list[int]] = []
    original = ppo_module.minibatches_of_prompts

    def recorded(*arguments: Any) -> Any:
        for group in original(*arguments):
            groups.append(group.tolist())
            yield group

    spy.setattr(ppo_module, "minibatches_of_prompts", recorded)
    told = update_once(
        Ppo(policy, payload.training, least), episodes, WEIGHTS, seed=5, factor=RATE_FACTOR
    )
    after = {n: p.detach().clone() for n, p in policy.parameters.items()}
    return Updated(before, after, episodes, rollout, told, groups)


@dataclass
class Loop:
    """The plain loop's state, and what it saw."""

    model: Any
    reference: Any
    head: nn.Linear
    training: LoadTraining
    responses: list[list[int]]
    steps: list[dict[str, float]] = field(default_factory=list)
    """what each gradient step has to tell"""
    policy_clipped: int = 0
    """tokens whose clipped ratio counted, over all epochs"""
    value_clipped: int = 0

    def __post_init__(self) -> None:
        settings, head = self.training, list(self.head.parameters())
        self.parameters = [*self.model.parameters(), *head]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": self.model.parameters(), "lr": RATE_FACTOR * settings.learning_rate},
                {"params": head, "lr": RATE_FACTOR * settings.value_learning_rate},
            ],
            weight_decay=0.0,
            foreach=False,
        )

    def log_probs(self, model: Any, i: int) -> Tensor:
        return next_token_log_probs(
            model, PROMPTS[i], self.responses[i], end=0, forbidden=FORBIDDEN, **SAMPLING
        )

    def values(self, i: int) -> Tensor:
        """V of the text before each token of the response."""
        tokens = torch.tensor([PROMPTS[i] + self.responses[i][:-1]])
        hidden = self.model(input_ids=tokens, output_hidden_states=True).hidden_states[-1]
        return self.head(hidden[0, len(PROMPTS[i]) - 1 :])[:, 0]

    @torch.no_grad()
    def credit(self, rewards: list[float]) -> None:
        """Advantages, targets of the critic, and what clipping is measured from."""
        self.old: dict[int, Tensor] = {}
        self.old_values: dict[int, Tensor] = {}
        advantages: dict[int, Tensor] = {}
        for i in LEARNED:
            self.old[i] = at(self.log_probs(self.model, i), self.responses[i])
            self.old_values[i] = self.values(i)
            reference = at(self.log_probs(self.reference, i), self.responses[i])
            dense = -BETA * (self.old[i] - reference)
            dense[-1] += min(max(rewards[i], -LARGEST_REWARD), LARGEST_REWARD)
            v = torch.cat([self.old_values[i], torch.zeros(1)])
            deltas = dense + self.training.gamma * v[1:] - v[:-1]
            # Schulman et al. 2016, eq. 16, as the sum that it is.
            decay = self.training.gamma * self.training.lambda_
            steps = range(len(deltas))
            advantages[i] = torch.stack(
                [sum(decay ** (u - t) * deltas[u] for u in steps[t:]) for t in steps]
            )
        self.targets = {i: advantages[i] + self.old_values[i] for i in LEARNED}
        # Whitened over tokens, each with its episode's weight.
        self.whole = sum(WEIGHTS[i] * len(advantages[i]) for i in LEARNED)
        mean = sum(WEIGHTS[i] * advantages[i].sum() for i in LEARNED) / self.whole
        variance = sum(WEIGHTS[i] * ((advantages[i] - mean) ** 2).sum() for i in LEARNED)
        deviation = (variance / self.whole) ** 0.5
        self.white = {i: (advantages[i] - mean) / deviation for i in LEARNED}

    def step(self, members: list[int], steps_per_epoch: int) -> None:
        settings = self.training
        sums = dict.fromkeys(("policy", "value", "entropy", "outside", "kl"), torch.zeros(()))
        for i in members:
            logs, values, before = self.log_probs(self.model, i), self.values(i), self.old_values[i]
            ratio = (at(logs, self.responses[i]) - self.old[i]).exp()
            low, high = 1 - settings.clip_ratio, 1 + settings.clip_ratio
            gain, clipped_gain = ratio * self.white[i], ratio.clamp(low, high) * self.white[i]
            near = before + (values - before).clamp(-settings.clip_value, settings.clip_value)
            error, near_error = (values - self.targets[i]) ** 2, (near - self.targets[i]) ** 2
            self.policy_clipped += int((clipped_gain < gain).sum())
            self.value_clipped += int((near_error > error).sum())
            for name, tokens in (
                ("policy", -torch.minimum(gain, clipped_gain)),
                ("value", 0.5 * torch.maximum(error, near_error)),
                ("entropy", entropies(logs)),
                ("outside", ((ratio < low) | (ratio > high)).double()),
                ("kl", ratio - 1 - ratio.log()),
            ):
                sums[name] = sums[name] + WEIGHTS[i] * tokens.sum()
        # A step's share of the epoch's loss, times the steps that an epoch has.
        policy, value, entropy = (
            steps_per_epoch * sums[name] / self.whole for name in ("policy", "value", "entropy")
        )
        loss = policy + settings.value_coefficient * value - settings.entropy_coefficient * entropy
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, settings.max_grad_norm)
        self.optimizer.step()
        here = sum(WEIGHTS[i] * len(self.responses[i]) for i in members)
        self.steps.append(
            {
                "loss_policy": policy.item(),
                "loss_value": value.item(),
                "entropy": sums["entropy"].item() / here,
                "clip_fraction": sums["outside"].item() / here,
                "approx_kl": sums["kl"].item() / here,
                "grad_norm": norm.item(),
            }
        )


@pytest.mark.parametrize("minibatch", [6, 2])
def test_weights_after_the_update_are_those_of_the_plain_loop(
    language_model: Path, tmp_path: Path, minibatch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_language_model(tmp_path, seed=1)
    found = update(language_model, other, minibatch, monkeypatch)
    lengths = found.episodes.responses.lengths.tolist()
    drawn = found.episodes.responses.tokens.tolist()
    loop = Loop(
        plain_model(language_model, torch.float64),
        plain_model(other, torch.float64),
        nn.Linear(32, 1, dtype=torch.float64),
        load_payload(**{f"training__{n}": value for n, value in TRAINING.items()}).training,
        [row[:n] for row, n in zip(drawn, lengths, strict=True)],
    )
    theirs = dict(loop.model.named_parameters())
    theirs |= {f"value_head.{name}": parameter for name, parameter in loop.head.named_parameters()}
    assert theirs.keys() == found.before.keys()
    with torch.no_grad():
        for name, parameter in theirs.items():
            parameter.copy_(found.before[name])
    loop.credit(found.rollout.reward.tolist())
    steps_per_epoch = -(-len(LEARNED) // minibatch)
    for group in found.groups:
        loop.step([LEARNED[place] for place in group], steps_per_epoch)

    # The loop met what it is here for.
    epochs = TRAINING["epochs"]
    assert len(loop.steps) == found.told.gradient_steps == epochs * steps_per_epoch
    for epoch in range(epochs):
        dealt = found.groups[epoch * steps_per_epoch : (epoch + 1) * steps_per_epoch]
        assert sorted(place for group in dealt for place in group) == list(range(len(LEARNED)))
    tokens = epochs * sum(lengths[i] for i in LEARNED)
    assert found.told.tokens == tokens
    assert len(set(lengths)) > 1
    assert np.abs(found.rollout.kl).max() > 0.1
    assert 0.1 * tokens < loop.policy_clipped < 0.9 * tokens
    assert 0.1 * tokens < loop.value_clipped < 0.9 * tokens
    norms = [step["grad_norm"] for step in loop.steps]
    assert min(norms) < TRAINING["max_grad_norm"] < max(norms)

    for name in loop.steps[0]:
        expected = np.mean([step[name] for step in loop.steps])
        assert found.told.figures[name] == pytest.approx(expected, rel=1e-4, abs=1e-5), name
    for name, parameter in theirs.items():
        before = found.before[name].double()
        change, expected = found.after[name] - before, parameter.detach() - before
        if name.endswith("c_attn.bias"):
            # A key's bias shifts all scores alike: its gradient is rounding, which Adam enlarges.
            change, expected = (x.view(3, -1)[[0, 2]] for x in (change, expected))
        assert float(expected.norm()) > 0, name
        assert float((change - expected).norm() / expected.norm()) < 1e-3, name
