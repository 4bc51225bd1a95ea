"""What one `load` brings into the fake engine: its own world, or policies that it exported."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from averse_worker.engine.contract import Report
from averse_worker.engine.fake import files, world
from averse_worker.engine.fake.learning import Episodes, Parameters
from averse_worker.engine.fake.world import Floats, Prompts, Words
from averse_worker.engine.readiness import require_average
from averse_worker.platform.files import folder_digests
from averse_worker.rewards.contract import Failed
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.messages.base import Digests, GpuState
from averse_worker.wire.messages.load import LoadDigests, LoadPayload


@dataclass
class Loaded:
    """Prompts and settings of one `load`, and what training changes."""

    payload: LoadPayload
    prompts: dict[str, Prompts]
    """By split: "train" and "test"."""
    failing: Mapping[int, Failed]
    """Prompt ids whose completions get no reward, and why."""
    gpu: GpuState | None
    """What is reported of a GPU."""
    digests: LoadDigests
    parameters: Parameters
    last: Episodes | None = None
    """The last rollout, as long as it may still be updated."""
    words: Words | None = None
    """Of that rollout."""
    rollouts: int = 0
    updates: int = 0

    def end_rollout(self) -> None:
        """Lets go of the rollout in hand."""
        self.last = None
        self.words = None

    def failures(self, prompts: Prompts) -> dict[int, Failed]:
        """Of one episode a prompt, by position."""
        return {
            i: self.failing[id] for i, id in enumerate(prompts.ids.tolist()) if id in self.failing
        }

    def weights(self, which: str) -> Floats:
        """The policy's "current" or "average" weights, shape (FEATURES,).

        Raises:
            InputError: the average is asked for and none is kept.
        """
        if which == "current":
            return self.parameters.policy
        kept = self.payload.training.average_decay > 0
        return require_average(self.parameters.average if kept else None)


def load_all(
    payload: LoadPayload, failing: Mapping[int, Failed], gpu: GpuState | None, report: Report
) -> Loaded:
    """Makes the built-in world; refuses models and data it does not have.

    Raises:
        InputError, MissingEnvironment: with the config key.
    """
    check_known(payload)
    report("load", 0, 3, "models")
    policy, policy_digests = load_policy(payload.policy.model, "policy.model")
    report("load", 1, 3, "models")
    reference, reference_digests = (
        (policy, policy_digests)
        if payload.reference is None
        else load_policy(payload.reference, "reference")
    )
    report("load", 2, 3, "models")
    train, test = world.make_prompts(payload.reward.sign)
    # What stands for files is the same whatever is made of them: arms may differ in the sign.
    plain, _ = world.make_prompts(1)
    random = np.random.default_rng((0x4EAD, payload.seed))
    report("load", 3, 3, "models")
    return Loaded(
        payload=payload,
        prompts={"train": train, "test": test},
        failing=failing,
        gpu=gpu,
        digests=LoadDigests(
            policy=policy_digests,
            reference=reference_digests,
            reward=builtin_digest(np.array([1])),
            judge={} if payload.judge is None else builtin_digest(np.zeros(1)),
            data=builtin_digest(plain.scores),
        ),
        parameters=Parameters(
            policy=policy,
            reference=reference,
            average=policy,
            value=0.01 * random.standard_normal(world.FEATURES),
        ),
    )


_LABELS: Final = ("negative", "positive")


def check_known(payload: LoadPayload) -> None:
    """Refuses models, data and devices that this engine does not have.

    Raises:
        InputError, MissingEnvironment: with the config key.
    """
    for key, name in (
        ("reward.model", payload.reward.model),
        ("data.path", payload.data.path),
        ("evaluation.judge", payload.judge),
    ):
        if name not in ("builtin", None):
            raise InputError(
                f"{key} is '{name}'; the fake engine has 'builtin' only, use the torch engine",
                key=key,
            )
    if payload.reward.label not in (None, *_LABELS):
        raise InputError(
            f"reward.label is '{payload.reward.label}', expected one of {', '.join(_LABELS)}",
            key="reward.label",
        )
    if payload.policy.lora_rank > 0:
        raise InputError(
            "policy.lora_rank is set, the fake engine has no LoRA; set it to 0",
            key="policy.lora_rank",
        )
    if payload.backend.device not in ("auto", "cpu"):
        raise MissingEnvironment(
            f"backend.device is '{payload.backend.device}', the fake engine has only 'cpu'",
            key="backend.device",
        )


def load_policy(model: str, key: str) -> tuple[Floats, Digests]:
    """The policy named by the config key, shape (FEATURES,), and what it was made of.

    Raises:
        InputError: it is neither 'builtin' nor a folder with an exported policy.
    """
    if model == "builtin":
        policy = np.zeros(world.FEATURES)
        return policy, builtin_digest(policy)
    folder = Path(model)
    return files.read_policy(folder, key), folder_digests(folder)


def builtin_digest(array: NDArray[Any]) -> Digests:
    """Stands for the files that the built-in world does not have."""
    return {"builtin": hashlib.sha256(array.tobytes()).hexdigest()}
