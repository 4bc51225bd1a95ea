"""An update of the fake engine: PPO epochs of gradient steps over the weighted episodes."""

import math
import statistics
import time

import numpy as np

from averse_worker.engine import Report
from averse_worker.engines import fake_learning
from averse_worker.engines.fake_learning import StepFigures
from averse_worker.engines.fake_loaded import Loaded
from averse_worker.limits import read_weights
from averse_worker.memory import resident_bytes
from averse_worker.messages import UpdatePayload, UpdateResult
from averse_worker.readiness import require_rollout


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
                fake_learning.gradient_step(
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
        entropy=fake_learning.entropy(episodes.scale),
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
