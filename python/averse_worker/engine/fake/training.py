"""How the fake engine learns: PPO epochs over the weighted episodes, and fine-tuning."""

import math
import statistics
import time
from typing import Final

import numpy as np

from averse_worker.engine.contract import Report
from averse_worker.engine.fake import learning
from averse_worker.engine.fake.learning import StepFigures
from averse_worker.engine.fake.loaded import Loaded
from averse_worker.engine.readiness import require_rollout
from averse_worker.platform.memory import resident_bytes
from averse_worker.wire.limits import read_weights
from averse_worker.wire.messages.training import SftPayload, SftResult, UpdatePayload, UpdateResult


def update(loaded: Loaded, payload: UpdatePayload, report: Report) -> UpdateResult:
    """PPO epochs over the episodes of weight > 0 of the last rollout."""
    started = time.perf_counter()
    training, parameters = loaded.payload.training, loaded.parameters
    episodes = require_rollout(loaded.last, loaded.rollouts, payload.rollout, "update")
    weights = read_weights(payload.weights, episodes.failed)
    kept = np.flatnonzero(weights)
    weights = weights * kept.size  # mean 1 over the kept
    advantages = (episodes.lambda_return - episodes.values)[kept]
    spread = float(advantages.std())
    whitened = np.zeros(weights.size)
    whitened[kept] = (advantages - advantages.mean()) / (spread + 1e-8)
    random = np.random.default_rng((0x0DD, payload.seed))
    steps: list[StepFigures] = []
    total = training.epochs * math.ceil(kept.size / training.minibatch)
    for _ in range(training.epochs):
        order = random.permutation(kept)
        for start in range(0, order.size, training.minibatch):
            report("update", len(steps), total, "steps")
            rows = order[start : start + training.minibatch]
            steps.append(
                learning.gradient_step(
                    parameters,
                    episodes,
                    rows,
                    weights[rows],
                    whitened[rows],
                    training,
                    payload.learning_rate_factor,
                )
            )
    report("update", total, total, "steps")
    loaded.updates += 1
    decay = training.average_decay
    if decay > 0:
        parameters.average = decay * parameters.average + (1 - decay) * parameters.policy
    target = episodes.lambda_return[kept]
    unexplained = float((target - episodes.values[kept]).var())
    return UpdateResult(
        loss_policy=statistics.fmean(step.loss_policy for step in steps),
        loss_value=statistics.fmean(step.loss_value for step in steps),
        entropy=learning.entropy(episodes.scale),
        clip_fraction=statistics.fmean(step.clip_fraction for step in steps),
        approx_kl=statistics.fmean(step.approx_kl for step in steps),
        grad_norm=statistics.fmean(step.grad_norm for step in steps),
        explained_variance=1 - unexplained / max(float(target.var()), 1e-8),
        gradient_steps=len(steps),
        episodes=int(kept.size),
        tokens=int(episodes.lengths[kept].sum()) * training.epochs,
        memory_bytes=resident_bytes(),
        gpu=loaded.gpu,
        seconds=time.perf_counter() - started,
    )


_GOOD: Final = 0.5
"""Prompts that score higher are the good class, which SFT learns from."""


def fine_tune(loaded: Loaded, payload: SftPayload, report: Report) -> SftResult:
    """Pulls the mean action on good prompts towards 0.5; becomes the reference as well."""
    started = time.perf_counter()
    train, parameters = loaded.prompts["train"], loaded.parameters
    good = train.features[train.scores > _GOOD]
    random = np.random.default_rng((0x5F7, payload.seed))
    policy, first, last = parameters.policy, 0.0, 0.0
    rate = min(300 * payload.learning_rate, 0.5)
    for step in range(payload.steps):
        report("sft", step, payload.steps, "steps")
        features = good[random.integers(0, len(good), min(payload.batch, len(good)))]
        error = features @ policy - 0.5
        last = 3.0 + float((error**2).mean())
        first = first or last
        policy = policy - rate * features.T @ error / len(error)
    report("sft", payload.steps, payload.steps, "steps")
    parameters.policy = parameters.average = policy
    if loaded.payload.reference is None:
        parameters.reference = policy
    loaded.end_rollout()
    return SftResult(
        steps=payload.steps,
        loss_first=first,
        loss_last=last,
        texts=len(good),
        seconds=time.perf_counter() - started,
    )
