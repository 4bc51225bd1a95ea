"""The engine that trains: PyTorch models, sampled, scored and updated on one device.

Turns commands into calls of the parts and their answers into messages.
"""

import contextlib
import importlib.metadata
import platform
import time
from pathlib import Path
from typing import Final

import numpy as np
import torch
from transformers.utils import logging as transformers_logging

from averse_worker import __version__
from averse_worker.engine.contract import Report
from averse_worker.engine.readiness import require_average, require_loaded, require_rollout
from averse_worker.engine.registry import CAPABILITIES
from averse_worker.engine.texts import texts_of
from averse_worker.engine.torch.loaded import (
    EpisodeTexts,
    Folders,
    Loaded,
    PromptSet,
    Training,
    load_all,
)
from averse_worker.evaluation.evaluate import evaluate
from averse_worker.evaluation.perplexity import perplexity
from averse_worker.models.load import context_of
from averse_worker.platform.files import folder_bytes, folder_digests
from averse_worker.platform.gpu import gpu_state
from averse_worker.platform.memory import resident_bytes
from averse_worker.rewards.contract import Scores, failed_mask, told
from averse_worker.rollout.generate import uniforms
from averse_worker.store.checkpoint import read_checkpoint, read_state, write_checkpoint
from averse_worker.store.export import export_policy
from averse_worker.training.sft import fine_tune
from averse_worker.wire.limits import check_load, check_sft, read_prompts, read_weights
from averse_worker.wire.messages.base import float32_bytes, uint32_bytes
from averse_worker.wire.messages.envelope import Capabilities
from averse_worker.wire.messages.evaluation import EvaluatePayload, EvaluateResult
from averse_worker.wire.messages.load import LoadPayload, LoadResult
from averse_worker.wire.messages.load import PromptSet as PromptSetMessage
from averse_worker.wire.messages.training import (
    ExportPayload,
    ExportResult,
    RestorePayload,
    RestoreResult,
    RolloutPayload,
    RolloutResult,
    SavePayload,
    SaveResult,
    SftPayload,
    SftResult,
    TextsPayload,
    TextsResult,
    UpdatePayload,
    UpdateResult,
)

_PACKAGES: Final = ("torch", "transformers", "trl", "peft", "tokenizers", "safetensors", "numpy")


class TorchEngine:
    """Implements `averse_worker.engine.contract.Engine`."""

    name = "torch"

    def __init__(self) -> None:
        # Errors are told by messages of our own; what libraries print would go to nobody.
        transformers_logging.set_verbosity_error()
        self._loaded: Loaded | None = None

    @property
    def capabilities(self) -> Capabilities:
        """See `registry.CAPABILITIES`."""
        return CAPABILITIES["torch"]

    def load(self, payload: LoadPayload, report: Report) -> LoadResult:
        """Loads policy, reference, reward model, judge and prompts; scores the prompts."""
        started = time.perf_counter()
        check_load(payload)
        loaded = load_all(payload, report)
        policy = loaded.training.policy
        result = LoadResult(
            device=str(loaded.device.torch_device),
            device_name=loaded.device.name,
            dtype=payload.backend.dtype,
            threads=torch.get_num_threads(),
            parameters=policy.size,
            context=context_of(policy.actor.causal),
            train=_prompt_set(loaded.prompts["train"]),
            test=_prompt_set(loaded.prompts["test"]),
            versions=_versions(loaded.folders) | loaded.device.versions,
            nondeterminism=loaded.device.nondeterminism(payload.backend.deterministic),
            digests=loaded.digests(),
            memory_bytes=resident_bytes(),
            gpu=gpu_state(loaded.device.torch_device),
            seconds=time.perf_counter() - started,
        )
        self._loaded = loaded
        return result

    def sft(self, payload: SftPayload, report: Report) -> SftResult:
        """Fine-tunes on the good-class texts; the result becomes policy and reference."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "sft")
        check_sft(payload)
        texts = loaded.data.good["train"]
        losses = fine_tune(loaded.training.policy, texts, payload, report)
        loaded.training.weights_replaced()
        return SftResult(
            steps=payload.steps,
            loss_first=losses.loss_first,
            loss_last=losses.loss_last,
            texts=len(texts),
            seconds=time.perf_counter() - started,
        )

    def rollout(self, payload: RolloutPayload, report: Report) -> RolloutResult:
        """Samples one episode a prompt id and keeps its tensors for the update."""
        loaded = require_loaded(self._loaded, "rollout")
        training, part = loaded.training, loaded.prompts["train"]
        rows = read_prompts(payload.prompts, part.prompts.ids, "train")
        draws = uniforms(payload.seed, rows.size, loaded.sampler.new_tokens)
        episodes, summary = training.collector.collect(
            part.prompts, part.scores, rows, draws, payload.kl_coefficient, report
        )
        training.rollouts += 1
        training.episodes = episodes
        training.texts = EpisodeTexts([part.prompts.texts[row] for row in rows], summary.texts)
        failed = failed_mask(rows.size, summary.failures)
        return RolloutResult(
            rollout=training.rollouts,
            reward=float32_bytes(summary.reward, failed),
            kl=float32_bytes(summary.kl),
            return_=float32_bytes(summary.returns, failed),
            lambda_return=float32_bytes(summary.lambda_returns, failed),
            length=uint32_bytes(summary.lengths),
            failures=told(summary.failures),
            entropy=summary.entropy,
            tokens=int(summary.lengths.sum()),
            seconds=summary.seconds,
        )

    def update(self, payload: UpdatePayload, report: Report) -> UpdateResult:
        """PPO epochs over the episodes of weight > 0 of the last rollout."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "update")
        training = loaded.training
        asked = payload.rollout
        episodes = require_rollout(training.episodes, training.rollouts, asked, "update")
        weights = read_weights(payload.weights, episodes.failed)
        summary = training.ppo.update(
            episodes, weights, payload.seed, payload.learning_rate_factor, report
        )
        if training.average is not None:
            training.average.update()
        training.updates += 1
        return UpdateResult(
            loss_policy=summary.loss_policy,
            loss_value=summary.loss_value,
            entropy=summary.entropy,
            clip_fraction=summary.clip_fraction,
            approx_kl=summary.approx_kl,
            grad_norm=summary.grad_norm,
            explained_variance=summary.explained_variance,
            gradient_steps=summary.gradient_steps,
            episodes=int(np.count_nonzero(weights)),
            tokens=summary.tokens,
            memory_bytes=resident_bytes(),
            gpu=gpu_state(loaded.device.torch_device),
            seconds=time.perf_counter() - started,
        )

    def texts(self, payload: TextsPayload, report: Report) -> TextsResult:
        """Texts of the last rollout, as the reward model saw them."""
        training = require_loaded(self._loaded, "texts").training
        held = require_rollout(training.texts, training.rollouts, payload.rollout, "texts")
        return texts_of(payload, len(held.wholes), held.text_of, report)

    def evaluate(self, payload: EvaluatePayload, report: Report) -> EvaluateResult:
        """Samples and scores prompts of a split; training goes on as if it had not been."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "evaluate")
        policy, part = loaded.training.policy, loaded.prompts[payload.split]
        rows = read_prompts(payload.prompts, part.prompts.ids, payload.split)
        texts = loaded.data.good["test"]
        measured = None
        with _weights(loaded.training, payload.weights):
            found = evaluate(
                policy,
                part.prompts,
                part.scores,
                rows,
                payload.seed,
                loaded.sampler,
                loaded.reward,
                loaded.judge,
                payload.samples,
                report,
            )
            if payload.perplexity:
                measured = perplexity(policy, texts, context_of(policy.actor.causal), report)
        return EvaluateResult(
            reward=_scores(found.reward),
            judge=None if found.judge is None else _scores(found.judge),
            kl=float32_bytes(found.kl),
            length=uint32_bytes(found.lengths),
            failures=told(found.reward.failures),
            judge_failures=[] if found.judge is None else told(found.judge.failures),
            dist_1=found.distinct[0],
            dist_2=found.distinct[1],
            dist_3=found.distinct[2],
            perplexity=measured,
            samples=found.samples,
            memory_bytes=resident_bytes(),
            gpu=gpu_state(loaded.device.torch_device),
            seconds=time.perf_counter() - started,
        )

    def save(self, payload: SavePayload, report: Report) -> SaveResult:
        """Writes the training state into the empty folder `path`."""
        started = time.perf_counter()
        training, folder = require_loaded(self._loaded, "save").training, Path(payload.path)
        report("save", 0, 1, "checkpoints")
        write_checkpoint(
            folder,
            training.policy,
            training.ppo,
            training.average,
            rollouts=training.rollouts,
            updates=training.updates,
        )
        files, size = folder_digests(folder), folder_bytes(folder)
        report("save", 1, 1, "checkpoints")
        return SaveResult(files=files, bytes=size, seconds=time.perf_counter() - started)

    def restore(self, payload: RestorePayload, report: Report) -> RestoreResult:
        """Takes up a saved training state under the models of the last `load`."""
        started = time.perf_counter()
        loaded, folder = require_loaded(self._loaded, "restore"), Path(payload.path)
        report("restore", 0, 1, "checkpoints")
        if loaded.training.policy.fine_tuned and not read_state(folder).fine_tuned:
            # The weights as loaded are no longer in memory.
            loaded.start_over()
        training = loaded.training
        training.end_rollout()
        state = read_checkpoint(folder, training.policy, training.ppo, training.average)
        training.rollouts, training.updates = state.rollouts, state.updates
        report("restore", 1, 1, "checkpoints")
        return RestoreResult(seconds=time.perf_counter() - started)

    def export(self, payload: ExportPayload, report: Report) -> ExportResult:
        """Writes the policy into the folder `path` in transformers format."""
        started = time.perf_counter()
        loaded, folder = require_loaded(self._loaded, "export"), Path(payload.path)
        report("export", 0, 1, "models")
        with _weights(loaded.training, payload.weights):
            export_policy(loaded.training.policy, folder)
        files, size = folder_digests(folder), folder_bytes(folder)
        report("export", 1, 1, "models")
        return ExportResult(files=files, bytes=size, seconds=time.perf_counter() - started)


def _weights(training: Training, which: str) -> contextlib.AbstractContextManager[None]:
    if which == "current":
        return contextlib.nullcontext()
    return require_average(training.average).in_place_of_weights()


def _scores(scores: Scores) -> bytes:
    return float32_bytes(scores.values, failed_mask(scores.values.size, scores.failures))


def _prompt_set(part: PromptSet) -> PromptSetMessage:
    return PromptSetMessage(ids=uint32_bytes(part.prompts.ids), scores=float32_bytes(part.scores))


def _versions(folders: Folders) -> dict[str, str]:
    """Of programs and packages by name; of models from the hub, their commit by config key."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    models = (folders.policy, folders.reference, folders.reward, folders.judge)
    # The hub's cache: models--<name>/snapshots/<commit>.
    commits = {
        model.key: model.path.name
        for model in models
        if model is not None and model.path.parent.name == "snapshots"
    }
    own = {"averse_worker": __version__, "python": platform.python_version()}
    return own | found | commits
