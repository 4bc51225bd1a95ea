"""A deterministic engine without torch, for tests and for trying the controller out.

It answers every field of the protocol in milliseconds, and it does learn: rewards are heavy
tailed, rise with updates, and rise most on the prompts that the weights point at. Turns commands
into calls of the parts; each part is a file beside this one.
"""

import platform
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from averse_worker import __version__
from averse_worker.engine.contract import Report
from averse_worker.engine.fake import files, stages, world
from averse_worker.engine.fake.episodes import evaluate, roll_out, score_prompts
from averse_worker.engine.fake.loaded import Loaded, load_all
from averse_worker.engine.fake.measures import capability, toxicity
from averse_worker.engine.fake.training import fine_tune, update
from averse_worker.engine.limits import check_limits
from averse_worker.engine.readiness import require_loaded, require_plain_decoding, require_rollout
from averse_worker.engine.registry import ENGINES
from averse_worker.engine.texts import texts_of
from averse_worker.platform.files import folder_bytes, folder_digests
from averse_worker.platform.memory import resident_bytes
from averse_worker.platform.processor import cores, processor_name
from averse_worker.rewards.contract import Failed
from averse_worker.wire.limits import check_load, check_sft
from averse_worker.wire.messages.base import GpuState, uint32_bytes
from averse_worker.wire.messages.data import SplitFacts, whole_split
from averse_worker.wire.messages.envelope import Capabilities, Empty
from averse_worker.wire.messages.evaluation import (
    CapabilityPayload,
    CapabilityResult,
    EvaluatePayload,
    EvaluateResult,
    ToxicityPayload,
    ToxicityResult,
)
from averse_worker.wire.messages.load import (
    DeviceFacts,
    DevicesResult,
    LoadPayload,
    LoadResult,
    PromptSet,
    RowFacts,
    ScorePromptsPayload,
    ScorePromptsResult,
)
from averse_worker.wire.messages.stages import (
    DescribeStagePayload,
    DescribeStageResult,
    TrainStagePayload,
    TrainStageResult,
)
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


class FakeEngine:
    """Implements `averse_worker.engine.contract.Engine`."""

    name = "fake"

    def __init__(
        self, failing: Mapping[int, Failed] | None = None, gpu: GpuState | None = None
    ) -> None:
        """Both for tests.

        Args:
            failing: prompt ids whose completions get no reward, and why.
            gpu: what it reports of a GPU that it has not.
        """
        self._failing = failing or {}
        self._gpu = gpu
        self._loaded: Loaded | None = None

    @property
    def capabilities(self) -> Capabilities:
        """See `registry.ENGINES`."""
        return ENGINES["fake"].capabilities

    def devices(self, payload: Empty, report: Report) -> DevicesResult:
        """The processor."""
        report("devices", 0, 1, "devices")
        cpu = DeviceFacts(name="cpu", description=processor_name(), memory_bytes=None)
        report("devices", 1, 1, "devices")
        return DevicesResult(auto="cpu", devices=[cpu], cores=cores())

    def describe_stage(self, payload: DescribeStagePayload, report: Report) -> DescribeStageResult:
        """What a stage's result follows from."""
        return stages.describe(payload.stage, report)

    def train_stage(self, payload: TrainStagePayload, report: Report) -> TrainStageResult:
        """Writes a policy or a classifier that `load` can name."""
        self._loaded = None
        return stages.train(payload, report)

    def load(self, payload: LoadPayload, report: Report) -> LoadResult:
        """Loads the built-in world; refuses models and data it does not have."""
        started = time.perf_counter()
        check_load(payload)
        check_limits(ENGINES["fake"], payload)
        self._loaded = loaded = load_all(payload, self._failing, self._gpu, report)
        return LoadResult(
            device="cpu",
            device_name=platform.processor() or platform.machine(),
            dtype=payload.backend.dtype,
            threads=payload.backend.threads or 1,
            processes=1,
            parameters=2 * world.FEATURES,
            context=1024,
            train=_prompt_set(loaded, "train"),
            test=_prompt_set(loaded, "test"),
            sft_digest=loaded.sft_digest(),
            overlap=0,
            rows=RowFacts(train=_row_facts(loaded, "train"), test=_row_facts(loaded, "test")),
            template=None,
            versions={
                "python": platform.python_version(),
                "numpy": np.__version__,
                "averse_worker": __version__,
            },
            nondeterminism=[],
            model_settings={},
            digests=loaded.digests,
            memory_bytes=resident_bytes(),
            gpu=loaded.gpu,
            seconds=time.perf_counter() - started,
        )

    def score_prompts(self, payload: ScorePromptsPayload, report: Report) -> ScorePromptsResult:
        """Scores of the prompts alone by component, kept for the rollouts of this load."""
        return score_prompts(require_loaded(self._loaded, "score_prompts"), payload, report)

    def sft(self, payload: SftPayload, report: Report) -> SftResult:
        """Pulls the mean action on good prompts towards 0.5; becomes the reference as well."""
        loaded = require_loaded(self._loaded, "sft")
        require_plain_decoding(loaded.payload.decoding, "sft")
        check_sft(payload)
        return fine_tune(loaded, payload, report)

    def rollout(self, payload: RolloutPayload, report: Report) -> RolloutResult:
        """Samples actions for each prompt; texts are made only when requested."""
        loaded = require_loaded(self._loaded, "rollout")
        require_plain_decoding(loaded.payload.decoding, "rollout")
        return roll_out(loaded, payload, report)

    def update(self, payload: UpdatePayload, report: Report) -> UpdateResult:
        """Epochs over the episodes of the last rollout that take part."""
        return update(require_loaded(self._loaded, "update"), payload, report)

    def texts(self, payload: TextsPayload, report: Report) -> TextsResult:
        """Words for episodes of the last rollout."""
        loaded = require_loaded(self._loaded, "texts")
        words = require_rollout(loaded.words, loaded.rollouts, payload.rollout, "texts")
        settings = loaded.payload
        return texts_of(
            payload,
            words.prompts.size,
            lambda episode: words.text_of(episode, settings),
            report,
        )

    def evaluate(self, payload: EvaluatePayload, report: Report) -> EvaluateResult:
        """Samples prompts of a split with their own random numbers; changes nothing."""
        return evaluate(require_loaded(self._loaded, "evaluate"), payload, report)

    def toxicity(self, payload: ToxicityPayload, report: Report) -> ToxicityResult:
        """Many completions per prompt; the further from what a prompt wants, the more toxic."""
        return toxicity(require_loaded(self._loaded, "toxicity"), payload, report)

    def capability(self, payload: CapabilityPayload, report: Report) -> CapabilityResult:
        """An accuracy per task that falls with the distance from the reference."""
        return capability(require_loaded(self._loaded, "capability"), payload, report)

    def save(self, payload: SavePayload, report: Report) -> SaveResult:
        """Writes parameters and counters; there is no random state to write."""
        started = time.perf_counter()
        loaded, folder = require_loaded(self._loaded, "save"), Path(payload.path)
        report("save", 0, 1, "checkpoints")
        files.write_checkpoint(folder, loaded.parameters, loaded.rollouts, loaded.updates)
        report("save", 1, 1, "checkpoints")
        return SaveResult(
            files=folder_digests(folder),
            bytes=folder_bytes(folder),
            seconds=time.perf_counter() - started,
        )

    def restore(self, payload: RestorePayload, report: Report) -> RestoreResult:
        """Restores parameters and counters of a checkpoint."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "restore")
        report("restore", 0, 1, "checkpoints")
        loaded.parameters, counters = files.read_checkpoint(Path(payload.path))
        loaded.rollouts, loaded.updates = counters.rollouts, counters.updates
        loaded.end_rollout()
        report("restore", 1, 1, "checkpoints")
        return RestoreResult(seconds=time.perf_counter() - started)

    def export(self, payload: ExportPayload, report: Report) -> ExportResult:
        """Writes a policy that `policy.model` and `reference` can name."""
        started = time.perf_counter()
        loaded, folder = require_loaded(self._loaded, "export"), Path(payload.path)
        report("export", 0, 1, "models")
        files.write_policy(folder, loaded.weights(payload.weights))
        report("export", 1, 1, "models")
        return ExportResult(
            files=folder_digests(folder),
            bytes=folder_bytes(folder),
            seconds=time.perf_counter() - started,
        )


def _prompt_set(loaded: Loaded, split: str) -> PromptSet:
    ids = uint32_bytes(loaded.prompts[split].ids)
    return PromptSet(ids=ids, scores_digest=loaded.scores_digest(split))


def _row_facts(loaded: Loaded, split: str) -> SplitFacts:
    return whole_split(loaded.prompts[split].ids.size)
