"""Stages of the fake engine: a policy or a classifier of a few numbers, fitted to a fixed goal."""

import hashlib
import platform
import time
from pathlib import Path

import msgspec
import numpy as np

from averse_worker.engine.contract import Report
from averse_worker.engine.fake import files, world
from averse_worker.engine.fake.loaded import builtin_digest, load_policy, require_builtin_data
from averse_worker.platform.files import (
    check_empty_folder,
    code_digest,
    folder_bytes,
    folder_digests,
)
from averse_worker.wire.limits import check_stage, stage_key
from averse_worker.wire.messages.stages import (
    ArchitectureBase,
    DescribeStageResult,
    Stage,
    StageInputs,
    TrainStagePayload,
    TrainStageResult,
)
from averse_worker.wire.messages.training import LossPoint


def describe(stage: Stage, report: Report) -> DescribeStageResult:
    """What a stage's result follows from.

    Raises:
        InputError: an option is out of range, or this engine lacks base or data.
    """
    check_stage(stage)
    report("describe", 0, 1, "stages")
    inputs = _inputs(stage)
    parts = (stage.kind, stage.base, stage.options, inputs, code_digest(), np.__version__)
    digest = hashlib.sha256(msgspec.json.encode(_without_path(parts))).hexdigest()
    report("describe", 1, 1, "stages")
    return DescribeStageResult(digest=digest, digests=inputs, nondeterminism=[])


def train(payload: TrainStagePayload, report: Report) -> TrainStageResult:
    """Writes a policy that moved towards the good prompts, or a classifier, into `path`."""
    started = time.perf_counter()
    stage, folder = payload.stage, Path(payload.path)
    check_stage(stage)
    check_empty_folder(folder)
    inputs = _inputs(stage)
    steps = _steps(stage)
    start = _start(stage)
    random = np.random.default_rng((0x57A6, payload.seed))
    target = 0.5 + 0.01 * random.standard_normal(world.FEATURES)
    rate = min(300 * stage.options.learning_rate, 0.5)
    weights, curve = start, []
    for step in range(steps):
        distance = float(((weights - target) ** 2).mean())
        report("stage", step, steps, "steps", distance if step > 0 else None)
        weights = weights + rate * (target - weights)
        if (step + 1) % max(1, steps // 20) == 0:
            loss = float(((weights - target) ** 2).mean())
            every = stage.options.held_out_every
            measured = every and (step + 1) % every == 0
            curve.append(
                LossPoint(
                    step=step + 1,
                    loss=loss,
                    held_out=loss + 0.01 if measured else None,
                    learning_rate=stage.options.learning_rate * (1 - step / steps),
                )
            )
    report("stage", steps, steps, "steps")
    loss = curve[-1].loss
    figures = {"loss": loss, "held_out_loss": loss + 0.01}
    if stage.kind == "language_model":
        files.write_policy(folder, weights)
    else:
        figures["accuracy"] = 1 / (1 + loss)
        files.write_classifier(folder, weights)
    return TrainStageResult(
        files=folder_digests(folder),
        bytes=folder_bytes(folder),
        figures=figures,
        curve=curve,
        digests=inputs,
        versions={"python": platform.python_version(), "numpy": np.__version__},
        seconds=time.perf_counter() - started,
    )


def _inputs(stage: Stage) -> StageInputs:
    require_builtin_data(stage.data, stage_key(stage, "data"))
    train, _ = world.make_prompts(1)
    base = {} if isinstance(stage.base, ArchitectureBase) else _base(stage)[1]
    return StageInputs(base=base, data=builtin_digest(train.scores))


def _start(stage: Stage) -> world.Floats:
    return np.zeros(world.FEATURES) if isinstance(stage.base, ArchitectureBase) else _base(stage)[0]


def _base(stage: Stage) -> tuple[world.Floats, dict[str, str]]:
    assert not isinstance(stage.base, ArchitectureBase)
    return load_policy(stage.base.model, stage_key(stage, "base"))


def _steps(stage: Stage) -> int:
    if stage.options.steps is not None:
        return stage.options.steps
    epochs = stage.options.epochs or 0
    return max(1, round(epochs * world.TRAIN_PROMPTS / stage.options.batch))


def _without_path(parts: tuple[object, ...]) -> object:
    """A base is known by its files: where they lie changes nothing."""
    kind, base, *rest = msgspec.to_builtins(parts)
    base = {name: value for name, value in base.items() if name != "model"}
    return [kind, base, *rest]
