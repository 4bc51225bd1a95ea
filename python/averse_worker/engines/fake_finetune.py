"""Fine-tuning of the fake engine: least squares on the prompts of the good class."""

import time
from typing import Final

import numpy as np

from averse_worker.engine import Report
from averse_worker.engines.fake_loaded import Loaded
from averse_worker.messages import SftPayload, SftResult

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
