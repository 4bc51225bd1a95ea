"""What the server asks of an engine; `fake` and `torch` beside it are the implementations.

An engine knows models, tensors and prompts, and nothing of risk, sockets or sessions. One
contract suite (`test/python/engine/test_engine_contract.py`) runs on every implementation.
"""

from typing import Protocol

from averse_worker.wire.messages.envelope import Capabilities
from averse_worker.wire.messages.evaluation import EvaluatePayload, EvaluateResult
from averse_worker.wire.messages.load import LoadPayload, LoadResult
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
    """Tells how far a phase is, and is where a command learns that it must stop.

    Call it at the start and end of each phase and several times a second in between: it is
    cheap (the server thins the messages out), and an interrupt takes effect only here.
    """

    def __call__(self, phase: str, done: int, total: int, unit: str) -> None:
        """Reports `done` of `total` (0: unknown) in `unit` ("episodes", "steps", …).

        Raises:
            Interrupted: the controller asked for this command to stop; let it pass through.
        """
        ...


class Engine(Protocol):
    """Samples, scores, updates and stores a policy; all calls come from one thread.

    Every method may raise `WorkerError`s: `InputError` for a wrong config, model or data (with
    the config key), `Diverged` before any NaN or infinity leaves, `OutOfMemory`,
    `MissingEnvironment`; and `Interrupted` out of `report`. After an error in `update`, `sft` or
    `restore` the weights are unspecified and the controller restores a checkpoint; after an error
    anywhere else the engine is as it was before the call.
    """

    @property
    def name(self) -> str:
        """Name given by `--engine`, a key of `registry.CAPABILITIES`."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do; the controller branches on these, never on the name."""
        ...

    def load(self, payload: LoadPayload, report: Report) -> LoadResult:
        """Loads models and prompts and scores the prompts; replaces everything loaded before."""
        ...

    def sft(self, payload: SftPayload, report: Report) -> SftResult:
        """Fine-tunes on the good-class texts; the result becomes policy and reference."""
        ...

    def rollout(self, payload: RolloutPayload, report: Report) -> RolloutResult:
        """Samples one episode a prompt id; a function of weights, ids, seed and β only.

        Answers arrays of the prompts' length and order; the tensors stay here under the
        returned id until the next rollout. An episode on which the reward model fails is named
        in `failures` and has NaN for reward and returns, never 0.
        """
        ...

    def update(self, payload: UpdatePayload, report: Report) -> UpdateResult:
        """Takes gradient steps on the episodes with weight > 0 of the last rollout.

        Only ratios between weights matter: scaling all of them changes nothing.

        Raises:
            ProtocolError: `rollout` is not the id of the last rollout.
            InputError: weights are of the wrong length, negative, not finite, all zero, or on an
                episode whose reward failed.
            Diverged: nothing of the gradient step in hand was applied.
        """
        ...

    def texts(self, payload: TextsPayload, report: Report) -> TextsResult:
        """Prompt and completion of episodes of the last rollout; changes nothing.

        Before its update and after it the same: as sampled, cut where they are very long.

        Raises:
            ProtocolError: `rollout` is not the id of the last rollout.
            InputError: the rollout has no such episode.
        """
        ...

    def evaluate(self, payload: EvaluatePayload, report: Report) -> EvaluateResult:
        """Samples and scores prompts of a split without touching any training state."""
        ...

    def save(self, payload: SavePayload, report: Report) -> SaveResult:
        """Writes all that `restore` needs into the empty folder `path`."""
        ...

    def restore(self, payload: RestorePayload, report: Report) -> RestoreResult:
        """Takes up a saved state; what follows is bit-identical to never having stopped.

        The rollout of the time of saving is not part of the state: roll out again.
        """
        ...

    def export(self, payload: ExportPayload, report: Report) -> ExportResult:
        """Writes the policy into the folder `path` in transformers format."""
        ...
