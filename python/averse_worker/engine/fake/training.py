"""How the fake engine learns: epochs over the episodes that take part, and fine-tuning."""

import math
import statistics
import time
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.engine.contract import Report
from averse_worker.engine.fake import learning, world
from averse_worker.engine.fake.learning import Episodes, Loss
from averse_worker.engine.fake.loaded import Loaded
from averse_worker.engine.readiness import require_rollout
from averse_worker.platform.memory import resident_bytes
from averse_worker.wire.limits import LossArrays, read_conditions, read_loss_arrays
from averse_worker.wire.messages.training import (
    LossPoint,
    SftPayload,
    SftResult,
    UpdatePayload,
    UpdateResult,
)


def update(loaded: Loaded, payload: UpdatePayload, report: Report) -> UpdateResult:
    """Epochs of gradient steps over the episodes of the last rollout that take part."""
    started = time.perf_counter()
    training, parameters = loaded.payload.training, loaded.parameters
    episodes = require_rollout(loaded.last, loaded.rollouts, payload.rollout, "update")
    arrays = read_loss_arrays(payload, episodes.failed, critic=training.critic)
    if arrays.rewards is not None:
        own = learning.lambda_return(
            arrays.rewards, episodes.kl_per_token, episodes.values, episodes.lengths, training
        )
        own[episodes.failed] = np.nan
        episodes = replace(episodes, lambda_return=own)
    known = len(loaded.payload.conditions)
    conditions = read_conditions(payload.conditions, episodes.failed.size, known)
    if conditions is not None:
        shift = [world.condition_shift(condition, known) for condition in conditions.tolist()]
        episodes = replace(episodes, shift=episodes.features[:, 0] * np.array(shift))
    taking = arrays.taking_part
    loss = _loss(arrays, payload, episodes, taking)
    random = np.random.default_rng((0x0DD, payload.seed))
    steps: list[dict[str, float]] = []
    per_epoch = payload.steps_per_epoch or math.ceil(taking.size / training.minibatch)
    total = training.epochs * per_epoch
    tokens = 0
    for _ in range(training.epochs):
        for rows in _minibatches(taking, payload.steps_per_epoch, training.minibatch, random):
            report("update", len(steps), total, "steps")
            steps.append(
                learning.gradient_step(
                    parameters, episodes, rows, loss, training, payload.learning_rate_factor
                )
            )
            tokens += int(episodes.lengths[rows].sum())
    report("update", total, total, "steps")
    loaded.updates += 1
    decay = training.ema_decay
    if decay > 0:
        parameters.ema = decay * parameters.ema + (1 - decay) * parameters.policy
    figures = {name: statistics.fmean(step[name] for step in steps) for name in steps[0]}
    if loss.policy.any():
        figures["entropy"] = learning.entropy(episodes.scale)
    if loss.critic:
        target = episodes.lambda_return[taking]
        unexplained = float((target - episodes.values[taking]).var())
        figures["explained_variance"] = 1 - unexplained / max(float(target.var()), 1e-8)
        if payload.kl_loss is not None:
            figures["advantage_deviation"] = loss.deviation
    if payload.kl_loss is not None and payload.kl_loss.coefficient > 0 and loss.kl.any():
        share = float(loss.kl[taking].mean())
        figures["kl_estimate"] = figures["loss_kl"] / share
    return UpdateResult(
        figures=figures,
        gradient_steps=len(steps),
        episodes=int(taking.size),
        tokens=tokens,
        memory_bytes=resident_bytes(),
        gpu=loaded.gpu,
        seconds=time.perf_counter() - started,
    )


def _loss(
    arrays: LossArrays, payload: UpdatePayload, episodes: Episodes, taking: NDArray[np.intp]
) -> Loss:
    count = episodes.failed.size
    # The mean over the whole rollout, as a mean over those that take part.
    share = taking.size / count
    policy, advantages, kl = np.zeros(count), np.zeros(count), np.zeros(count)
    spread = 1.0
    if arrays.weights is not None:
        kept = np.flatnonzero(arrays.weights)
        policy = arrays.weights * taking.size
        own = episodes.lambda_return - episodes.values
        population = own[kept] if payload.whiten == "kept" else own[~episodes.failed]
        spread = float(population.std()) + 1e-8
        advantages[kept] = (own[kept] - population.mean()) / spread
    if arrays.advantages is not None:
        policy = share * (arrays.advantages != 0)
        advantages = arrays.advantages
    if payload.kl_loss is not None and arrays.kl_weights is not None:
        kl = share * payload.kl_loss.coefficient * arrays.kl_weights
        if payload.kl_loss.unit == "reward":
            kl = kl / spread
    return Loss(
        policy=policy,
        advantages=advantages,
        deviation=spread,
        critic=arrays.weights is not None,
        kl=kl,
        kl_form=None if payload.kl_loss is None else payload.kl_loss.form,
        likelihood=payload.conditions is not None,
    )


def _minibatches(
    taking: NDArray[np.intp], steps: int | None, size: int, random: np.random.Generator
) -> list[NDArray[np.intp]]:
    """The episodes of one epoch: `size` at a time, or divided into `steps`."""
    order = random.permutation(taking)
    if steps is None:
        return [order[start : start + size] for start in range(0, order.size, size)]
    while order.size < steps:
        order = np.concatenate([order, random.permutation(taking)])[:steps]
    return np.array_split(order, steps)


_POINTS: Final = 100
"""of a loss's course"""
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
    steps = payload.steps or math.ceil((payload.epochs or 1) * len(good) / payload.batch)
    points = max(1, steps // _POINTS)
    curve: list[LossPoint] = []
    for step in range(steps):
        report("sft", step, steps, "steps", last if step > 0 else None)
        features = good[random.integers(0, len(good), min(payload.batch, len(good)))]
        error = features @ policy - 0.5
        last = 3.0 + float((error**2).mean())
        first = first or last
        policy = policy - rate * features.T @ error / len(error)
        measured = payload.held_out_every and (step + 1) % payload.held_out_every == 0
        if measured or (step + 1) % points == 0:
            held_out = 3.0 + float(((good @ policy - 0.5) ** 2).mean()) if measured else None
            curve.append(
                LossPoint(
                    step=step + 1,
                    loss=last,
                    held_out=held_out,
                    learning_rate=payload.learning_rate * (1 - step / steps),
                )
            )
    report("sft", steps, steps, "steps")
    parameters.policy = parameters.ema = policy
    if loaded.payload.reference is None:
        parameters.reference = policy
    loaded.end_rollout()
    return SftResult(
        steps=steps,
        kept_step=steps,
        loss_first=first,
        loss_last=last,
        curve=curve,
        texts=len(good),
        seconds=time.perf_counter() - started,
    )
