"""Everything one `load` brings into the fake engine, and the training state built on it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from averse_worker.engine import Report
from averse_worker.engines import fake_loading, fake_world
from averse_worker.engines.fake_learning import Episodes, Parameters
from averse_worker.engines.fake_texts import Words
from averse_worker.engines.fake_world import Floats, Prompts
from averse_worker.messages import GpuState, LoadDigests, LoadPayload
from averse_worker.readiness import require_average
from averse_worker.scores import Failed


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
    fake_loading.check_known(payload)
    report("load", 0, 3, "models")
    policy, policy_digests = fake_loading.load_policy(payload.policy.model, "policy.model")
    report("load", 1, 3, "models")
    reference, reference_digests = (
        (policy, policy_digests)
        if payload.reference is None
        else fake_loading.load_policy(payload.reference, "reference")
    )
    report("load", 2, 3, "models")
    train, test = fake_world.make_prompts(payload.reward.sign)
    # What stands for files is the same whatever is made of them: arms may differ in the sign.
    world, _ = fake_world.make_prompts(1)
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
            reward=fake_loading.builtin_digest(np.array([1])),
            judge={} if payload.judge is None else fake_loading.builtin_digest(np.zeros(1)),
            data=fake_loading.builtin_digest(world.scores),
        ),
        parameters=Parameters(
            policy=policy,
            reference=reference,
            average=policy,
            value=0.01 * random.standard_normal(fake_world.FEATURES),
        ),
    )
