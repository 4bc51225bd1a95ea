"""The interface of an engine; `fake` and `torch` beside it implement it.

An engine knows models, tensors and prompts, and nothing of risk, sockets or sessions. One
contract suite (`test/python/engine/test_engine_contract.py`) runs on every implementation.
"""

from typing import Protocol

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
    DevicesResult,
    LoadPayload,
    LoadResult,
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


class Report(Protocol):
    """Reports the progress of a phase; an interrupt is raised here.

    Call it at the start and end of each phase and several times a second in between: it is
    cheap (the server thins the messages out), and an interrupt takes effect only here.
    """

    def __call__(
        self, phase: str, done: int, total: int, unit: str, loss: float | None = None
    ) -> None:
        """Reports `done` of `total` (0: unknown) in `unit` ("episodes", "steps", …).

        `loss` is that of the training in hand, at its last step.

        Raises:
            Interrupted: the controller interrupted this command; do not catch it.
        """
        ...


class Engine(Protocol):
    """Samples, scores, updates and stores a policy; all calls come from one thread.

    Every method may raise `WorkerError`s: `InputError` for a wrong config, model or data (with
    the config key), `Diverged` before any NaN or infinity leaves, `OutOfMemory`,
    `MissingEnvironment`; and `Interrupted` out of `report`. After an error in `update`, `sft` or
    `restore` the weights are unspecified and the controller restores a checkpoint; a `load` that
    fails may leave nothing loaded; after an error anywhere else the engine is as it was before the
    call.
    """

    @property
    def name(self) -> str:
        """Name given by `--engine`, a key of `registry.ENGINES`."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do; the controller branches on these, never on the name."""
        ...

    def devices(self, payload: Empty, report: Report) -> DevicesResult:
        """The devices that `backend.device` may name; also before `load`."""
        ...

    def describe_stage(self, payload: DescribeStagePayload, report: Report) -> DescribeStageResult:
        """Says what the result of a stage follows from; also before `load`; changes nothing.

        Raises:
            InputError: an option is out of range, or base or data are not there.
        """
        ...

    def train_stage(self, payload: TrainStagePayload, report: Report) -> TrainStageResult:
        """Trains a model of its own into the empty folder `path`; also before `load`.

        What was loaded is dropped first: two sets of models may not fit into memory. Even where it
        fails, `load` is to be sent again. A function of the payload and of what `describe_stage`
        has the digest of.
        """
        ...

    def load(self, payload: LoadPayload, report: Report) -> LoadResult:
        """Loads models and data; replaces everything loaded before, prompt scores included."""
        ...

    def score_prompts(self, payload: ScorePromptsPayload, report: Report) -> ScorePromptsResult:
        """Scores prompts alone by every reward component, or uses the scores in `known`.

        Raises:
            InputError: a prompt is not of the split, a component fails on one, or `known` does
                not fit.
        """
        ...

    def sft(self, payload: SftPayload, report: Report) -> SftResult:
        """Fine-tunes on the good-class texts; the result becomes policy and reference."""
        ...

    def rollout(self, payload: RolloutPayload, report: Report) -> RolloutResult:
        """Samples `completions` episodes per prompt id, grouped by prompt.

        A function of weights, ids, completions, seed and β only. The tensors stay here under the
        returned id until the next rollout. An episode on which a component fails is named in that
        component's `failures` and has NaN for its reward and returns, never 0.

        Raises:
            ProtocolError: rewards or critic need prompt scores that are missing.
        """
        ...

    def update(self, payload: UpdatePayload, report: Report) -> UpdateResult:
        """Takes gradient steps on the episodes of the last rollout that take part.

        Those have a weight, an advantage or a KL weight; the others cost no pass.
        `src/protocol/README.md` defines the loss.

        Raises:
            ProtocolError: `rollout` is not the id of the last rollout.
            InputError: an array is of the wrong length, not finite, negative, all zero, or on an
                episode whose reward failed; weights come with advantages, or without a critic.
            Diverged: the failing gradient step was not applied.
        """
        ...

    def texts(self, payload: TextsPayload, report: Report) -> TextsResult:
        """Prompt and completion of episodes of the last rollout; changes nothing.

        The same before and after the update: as sampled, very long texts cut.

        Raises:
            ProtocolError: `rollout` is not the id of the last rollout.
            InputError: the rollout has no such episode.
        """
        ...

    def evaluate(self, payload: EvaluatePayload, report: Report) -> EvaluateResult:
        """Samples and scores prompts of a split without touching any training state."""
        ...

    def toxicity(self, payload: ToxicityPayload, report: Report) -> ToxicityResult:
        """Samples many short completions per prompt and scores each alone; changes nothing.

        Raises:
            ProtocolError: `load` named no scorer for it.
        """
        ...

    def capability(self, payload: CapabilityPayload, report: Report) -> CapabilityResult:
        """Runs `load`'s tasks of lm-evaluation-harness on the policy; changes nothing.

        Raises:
            ProtocolError: `load` named no tasks.
            MissingEnvironment: the harness, or a task's data, cannot be had.
        """
        ...

    def save(self, payload: SavePayload, report: Report) -> SaveResult:
        """Writes all that `restore` needs into the empty folder `path`."""
        ...

    def restore(self, payload: RestorePayload, report: Report) -> RestoreResult:
        """Restores a saved state; training continues bit-identically, as if never stopped.

        The last rollout is not part of the state: send `rollout` again.
        """
        ...

    def export(self, payload: ExportPayload, report: Report) -> ExportResult:
        """Writes the policy into the folder `path` in transformers format."""
        ...
