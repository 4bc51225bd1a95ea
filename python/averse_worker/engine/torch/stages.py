"""Stages of the torch engine: what one follows from, and its training into a folder.

data ─▶ rows of its kind ─▶ base and tokenizer ─▶ trainer ─▶ model in transformers format
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.data.examples import contents
from averse_worker.data.rows import STAGE_USES
from averse_worker.data.sources import Data, read_data
from averse_worker.data.templates import open_template, template_digest
from averse_worker.engine.contract import Report
from averse_worker.engine.torch.load_result import machine_facts, package_versions
from averse_worker.models.declared import check_folder
from averse_worker.models.folder import ModelFolder, find_language_model
from averse_worker.models.fresh import (
    Classes,
    Problem,
    check_architecture,
    classifier_from,
    fresh_classifier,
    fresh_language_model,
    train_tokenizer,
)
from averse_worker.models.pretrained import load_pretrained
from averse_worker.models.window import window_of
from averse_worker.platform.device import Device, open_device
from averse_worker.platform.files import (
    check_empty_folder,
    code_digest,
    folder_bytes,
    folder_digests,
    same_mode,
)
from averse_worker.platform.finite import require_finite
from averse_worker.training.classifier import ClassSet, train_classifier
from averse_worker.training.language_model import save_model, train_language_model
from averse_worker.training.reward_model import REWARD, train_reward_model
from averse_worker.training.stage import Trained
from averse_worker.training.stage_rows import (
    content,
    labelled_texts,
    language_texts,
    preference_pairs,
    preference_texts,
)
from averse_worker.training.supervised import Plan, steps_of
from averse_worker.wire.errors import InputError
from averse_worker.wire.limits import check_stage, stage_key
from averse_worker.wire.messages.stages import (
    ArchitectureBase,
    DescribeStagePayload,
    DescribeStageResult,
    Stage,
    StageInputs,
    TrainStagePayload,
    TrainStageResult,
)


@dataclass(frozen=True)
class _Prepared:
    """A stage whose inputs are read and checked; no weights are yet."""

    stage: Stage
    device: Device
    base: ModelFolder | None
    """None: new weights"""
    data: Data
    key: str
    """of the stage in the configuration"""

    @property
    def inputs(self) -> StageInputs:
        base = {} if self.base is None else self.base.digests()
        return StageInputs(base=base, data=self.data.digests)


def describe(payload: DescribeStagePayload, report: Report) -> DescribeStageResult:
    """What a stage's result follows from.

    Raises:
        InputError: an option is out of range, or base or data are wrong.
        MissingEnvironment: the device or the hub cannot be reached.
    """
    report("describe", 0, 1, "stages")
    prepared = _prepare(payload, report)
    stage, device, inputs = prepared.stage, prepared.device, prepared.inputs
    parts = (
        stage.kind,
        stage.base if prepared.base is None else inputs.base,
        stage.options,
        content(prepared.data),
        [*template_digest(stage.data.template, f"{prepared.key}.data").values()],
        list(map(contents, prepared.data.good.values()))
        if stage.kind == "language_model"
        else None,
        (payload.backend.dtype, payload.backend.deterministic),
        machine_facts(device),
        code_digest(),
    )
    digest = sha256(msgspec.json.encode(parts)).hexdigest()
    report("describe", 1, 1, "stages")
    return DescribeStageResult(
        digest=digest,
        digests=inputs,
        nondeterminism=device.nondeterminism(payload.backend.deterministic),
    )


def train(payload: TrainStagePayload, report: Report) -> TrainStageResult:
    """Trains a stage and writes its model into `path`.

    Raises:
        InputError, MissingEnvironment: as `describe`.
        Diverged: a loss, gradient or weight is NaN or infinite.
    """
    started = time.perf_counter()
    folder = Path(payload.path)
    check_empty_folder(folder)
    prepared = _prepare(payload, report)
    model, tokenizer, trained = _TRAINERS[payload.stage.kind](prepared, payload.seed, report)
    require_finite(dict(model.named_parameters()), stage_key(payload.stage, "learning_rate"))
    report("save", 0, 1, "models")
    save_model(model, tokenizer, folder)
    same_mode(folder, "config.json")
    files, size = folder_digests(folder), folder_bytes(folder)
    report("save", 1, 1, "models")
    points = trained.learned.course.points()
    return TrainStageResult(
        files=files,
        bytes=size,
        figures={"loss": points[-1].loss, **trained.figures},
        curve=points,
        digests=prepared.inputs,
        versions=package_versions() | prepared.device.versions,
        seconds=time.perf_counter() - started,
    )


def _prepare(payload: DescribeStagePayload | TrainStagePayload, report: Report) -> _Prepared:
    stage = payload.stage
    check_stage(stage)
    key = stage_key(stage, "base")
    base = None
    if isinstance(stage.base, ArchitectureBase):
        check_architecture(stage.base, key, language_model=stage.kind == "language_model")
    else:
        base = find_language_model(stage.base, key, report)
        check_folder(base)
    device = open_device(payload.backend)
    data = read_data(stage.data, stage_key(stage, "data"), STAGE_USES[stage.kind])
    return _Prepared(stage, device, base, data, f"stages.{stage.name}")


def _plan(stage: Stage, seed: int, rows: int) -> Plan:
    options = stage.options
    return Plan(
        seed=seed,
        steps=steps_of(rows, steps=options.steps, epochs=options.epochs, batch=options.batch),
        batch=options.batch,
        learning_rate=options.learning_rate,
        learning_rate_decay=options.learning_rate_decay,
        warmup=options.warmup,
        held_out_every=options.held_out_every,
        early_stopping=options.early_stopping,
        section=f"stages.{stage.name}",
        name=f"the stage {stage.name}",
        phase="stage",
    )


_Model = tuple[PreTrainedModel, PreTrainedTokenizerBase, Trained]


def _language_model(prepared: _Prepared, seed: int, report: Report) -> _Model:
    stage = prepared.stage
    texts = (
        language_texts(prepared.data, stage.data, "train", f"{prepared.key}.data"),
        language_texts(prepared.data, stage.data, "test", f"{prepared.key}.data"),
    )
    if isinstance(stage.base, ArchitectureBase):
        tokenizer: PreTrainedTokenizerBase = _tokenizer(stage.base, texts[0], report)
        model = fresh_language_model(stage.base, tokenizer, seed)
    else:
        assert prepared.base is not None
        loaded = load_pretrained(prepared.base, "language model", torch.float32)
        model, tokenizer = loaded.model, loaded.tokenizer
    trained = train_language_model(
        model,
        tokenizer,
        texts,
        lambda count: _plan(stage, seed, count),
        stage.options.max_tokens,
        prepared.device,
        report,
        prepared.key,
    )
    return model, tokenizer, trained


def _classifier(prepared: _Prepared, seed: int, report: Report) -> _Model:
    stage = prepared.stage
    key = prepared.key
    rows = (
        labelled_texts(prepared.data, stage.data, "train", f"{key}.data"),
        labelled_texts(prepared.data, stage.data, "test", f"{key}.data"),
    )
    classes = ClassSet.of(rows[0], key)
    texts = [row.text for row in rows[0]]
    model, tokenizer = _with_head(prepared, texts, classes.names, classes.problem, seed, report)
    trained = train_classifier(
        model,
        tokenizer,
        classes,
        rows,
        lambda count: _plan(stage, seed, count),
        _window(stage, model, tokenizer),
        prepared.device,
        report,
        key,
    )
    return model, tokenizer, trained


def _reward_model(prepared: _Prepared, seed: int, report: Report) -> _Model:
    stage = prepared.stage
    # What a new tokenizer is trained on: it has no chat template.
    texts = preference_texts(prepared.data)
    model, tokenizer = _with_head(prepared, texts, (REWARD,), "regression", seed, report)
    open_template((tokenizer,), stage.data.template, (), f"{prepared.key}.data")
    rows = (
        preference_pairs(prepared.data, "train", tokenizer, f"{prepared.key}.data"),
        preference_pairs(prepared.data, "test", tokenizer, f"{prepared.key}.data"),
    )
    trained = train_reward_model(
        model,
        tokenizer,
        rows,
        lambda count: _plan(stage, seed, count),
        _window(stage, model, tokenizer),
        prepared.device,
        report,
    )
    return model, tokenizer, trained


def _with_head(
    prepared: _Prepared,
    texts: Sequence[str],
    classes: Classes,
    problem: Problem,
    seed: int,
    report: Report,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    base = prepared.stage.base
    if isinstance(base, ArchitectureBase):
        tokenizer = _tokenizer(base, texts, report)
        return fresh_classifier(base, tokenizer, classes, problem, seed), tokenizer
    assert prepared.base is not None
    return classifier_from(prepared.base, classes, problem, seed)


def _tokenizer(
    base: ArchitectureBase, texts: Sequence[str], report: Report
) -> PreTrainedTokenizerBase:
    report("tokenizer", 0, 1, "tokenizers")
    tokenizer = train_tokenizer(texts, base.vocabulary, base.context)
    report("tokenizer", 1, 1, "tokenizers")
    return tokenizer


def _window(stage: Stage, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    window, wanted = window_of(tokenizer, model), stage.options.max_tokens
    if wanted > window:
        raise InputError(
            f"stages.{stage.name}.max_tokens is {wanted}, but its base reads {window} tokens; set "
            f"it to {window} or lower",
            key=stage_key(stage, "max_tokens"),
        )
    return wanted


_TRAINERS = {
    "language_model": _language_model,
    "classifier": _classifier,
    "reward_model": _reward_model,
}
