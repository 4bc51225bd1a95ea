"""What one `load` brings into the fake engine: its own world, or policies that it exported."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from averse_worker.engine.contract import Report
from averse_worker.engine.fake import files, world
from averse_worker.engine.fake.learning import Episodes, Parameters
from averse_worker.engine.fake.world import Floats, Prompts, Words
from averse_worker.engine.readiness import require_ema
from averse_worker.platform.files import code_digest, folder_digests
from averse_worker.rewards.contract import Failed
from averse_worker.wire.errors import InputError
from averse_worker.wire.limits import check_condition, judge_key, reward_key
from averse_worker.wire.messages.base import Digests, GpuState
from averse_worker.wire.messages.data import BuiltinPlace, DataSource, place_name
from averse_worker.wire.messages.load import (
    BuiltinScorer,
    ClassifierScorer,
    LoadDigests,
    LoadPayload,
    LoadScorer,
    PreferenceScorer,
)


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
    scores: dict[str, Floats]
    """By split, of the prompts alone, shape (components, prompts); NaN: not scored."""
    reward_noise: float
    """Factor, of the engine's options."""
    experts: tuple[Floats, Floats] | None = None
    """Weights of expert and anti-expert; None: there are none."""
    last: Episodes | None = None
    """The last rollout, as long as it may still be updated."""
    words: Words | None = None
    """Of that rollout."""
    rollouts: int = 0
    updates: int = 0

    @property
    def candidates(self) -> int:
        """Completions drawn for each that is evaluated."""
        return 1 if self.payload.decoding is None else self.payload.decoding.best_of

    def drawn_from(self, which: str, condition: int | None) -> Floats:
        """What evaluations draw from, shape (FEATURES,): the weights with condition and experts.

        Experts need no approximation: of Gaussians with one deviation, π·(expert/anti-expert)^a is
        a Gaussian again, with the mean μ + a·(μ_expert − μ_anti_expert). The nucleus is left out.
        """
        policy = self.weights(which)
        if self.experts is not None and self.payload.decoding is not None:
            expert, anti_expert = self.experts
            steering = self.payload.decoding.experts
            policy = policy + (steering.strength if steering else 0.0) * (expert - anti_expert)
        return policy + self.shift(condition)

    def shift(self, condition: int | None) -> Floats:
        """What a condition adds to a policy's weights, shape (FEATURES,).

        Raises:
            InputError: there is no such condition.
        """
        known = len(self.payload.conditions)
        check_condition(condition, known)
        shift: Floats = world.condition_shift(condition, known) * np.eye(world.FEATURES)[0]
        return shift

    def end_rollout(self) -> None:
        """Drops the last rollout."""
        self.last = None
        self.words = None

    def failures(self, prompts: Prompts) -> dict[int, Failed]:
        """Of one episode per row, by position."""
        return {
            i: self.failing[id] for i, id in enumerate(prompts.ids.tolist()) if id in self.failing
        }

    def weights(self, which: str) -> Floats:
        """The policy's "current" or "ema" weights, shape (FEATURES,).

        Raises:
            InputError: EMA weights are requested and none are kept.
        """
        if which == "current":
            return self.parameters.policy
        kept = self.payload.training.ema_decay > 0
        return require_ema(self.parameters.ema if kept else None)

    def sft_digest(self) -> str:
        """Of all that `sft` follows from, but for its own payload."""
        payload = self.payload
        state = [
            payload.seed,
            payload.reference is None,
            payload.training.critic,
            payload.training.ema_decay > 0,
            payload.backend,
            self.digests.policy,
            self.digests.reference,
            self.digests.data,
            code_digest(),
            np.__version__,
        ]
        return hashlib.sha256(msgspec.json.encode(state)).hexdigest()

    def scores_digest(self, split: str) -> str:
        """Of all that the scores of a split's prompts follow from."""
        described = msgspec.json.encode([self.payload.rewards, np.__version__])
        return hashlib.sha256(described + self.prompts[split].scores.tobytes()).hexdigest()


def load_all(
    payload: LoadPayload, failing: Mapping[int, Failed], gpu: GpuState | None, report: Report
) -> Loaded:
    """Makes the built-in world; refuses models and data it does not have.

    Raises:
        InputError: with the config key.
    """
    check_known(payload)
    noise = read_options(payload.engine_options)
    report("load", 0, 3, "policy")
    policy, policy_digests = load_policy(payload.policy.model, "policy.model")
    report("load", 1, 3, "reference")
    reference, reference_digests = (
        (policy, policy_digests)
        if payload.reference is None
        else load_policy(payload.reference.model, "reference")
    )
    experts, expert_digests = load_experts(payload)
    report("load", 2, 3, "prompts")
    train, test = world.make_prompts(payload.rewards[0].scorer.sign)
    # What stands for files is the same whatever is made of them: arms may differ in the sign.
    plain, _ = world.make_prompts(1)
    random = np.random.default_rng((0x4EAD, payload.seed))
    report("load", 3, 3, "prompts")
    return Loaded(
        payload=payload,
        prompts={"train": train, "test": test},
        failing=failing,
        gpu=gpu,
        digests=LoadDigests(
            policy=policy_digests,
            reference=reference_digests,
            rewards={
                reward.name: scorer_digests(reward.scorer, np.array([1]))
                for reward in payload.rewards
            },
            judges={
                judge.name: scorer_digests(judge.scorer, np.zeros(1)) for judge in payload.judges
            },
            evaluation=_evaluation_digests(payload),
            decoding=expert_digests,
            data=builtin_digest(plain.scores),
        ),
        parameters=Parameters(
            policy=policy,
            reference=reference,
            ema=policy,
            value=0.01 * random.standard_normal(world.FEATURES),
        ),
        scores={
            split: np.full((len(payload.rewards), prompts.ids.size), np.nan)
            for split, prompts in (("train", train), ("test", test))
        },
        reward_noise=noise,
        experts=experts,
    )


def check_scorer(scorer: LoadScorer, key: str) -> None:
    """Refuses scorers other than models of this engine's own stages.

    Raises:
        InputError: with `key`, the config key that named it.
    """
    if isinstance(scorer, ClassifierScorer | PreferenceScorer):
        files.check_classifier(Path(scorer.model), key)
        return
    kind = scorer.__struct_config__.tag
    raise InputError(
        f"{key}: the fake engine does not score with the kind {kind}; use the torch engine", key=key
    )


_LABELS: Final = ("negative", "positive")


def check_known(payload: LoadPayload) -> None:
    """Refuses models and data that this engine does not have.

    Raises:
        InputError: with the config key.
    """
    scorers = [
        (reward_key(payload, place, "model"), reward_key(payload, place, "label"), reward.scorer)
        for place, reward in enumerate(payload.rewards)
    ]
    scorers += [
        (judge_key(place, "model"), judge_key(place, "label"), judge.scorer)
        for place, judge in enumerate(payload.judges)
    ]
    if (toxicity := payload.evaluation.toxicity) is not None:
        key = "evaluation.toxicity.scorer"
        scorers.append((key, key, toxicity.scorer))
    for place, reward in enumerate(payload.rewards):
        if reward.normalize != "none":
            key = reward_key(payload, place, "normalize")
            raise InputError(
                f"{key} is '{reward.normalize}'; the fake engine does not normalise: set it to "
                "none",
                key=key,
            )
    for model, label, scorer in scorers:
        if not isinstance(scorer, BuiltinScorer):
            check_scorer(scorer, model)
            continue
        unknown = [name for name in scorer.labels if name not in _LABELS]
        if unknown:
            raise InputError(
                f"{label} is '{unknown[0]}'; expected one of {', '.join(_LABELS)}", key=label
            )
    require_builtin_data(payload.data.source, "data.path")
    if payload.policy.adapter is not None:
        raise InputError(
            "policy.lora_rank is set, but the fake engine has no LoRA; set it to 0",
            key="policy.lora_rank",
        )


def require_builtin_data(source: DataSource, key: str) -> None:
    """Refuses all texts but the built-in ones.

    Raises:
        InputError: with `key`, the config key that named them.
    """
    for part in source.parts:
        if not isinstance(part.place, BuiltinPlace):
            raise InputError(
                f"{key} is '{place_name(part.place)}'; the fake engine supports only 'builtin': "
                "use the torch engine",
                key=key,
            )


def read_options(options: Mapping[str, Any]) -> float:
    """The factor of the reward's noise, as `registry.ENGINES` describes it.

    Raises:
        InputError: an option that this engine does not have, or no number ≥ 0.
    """
    unknown = sorted(set(options) - {"reward_noise"})
    if unknown:
        raise InputError(
            f"backend.engine_options has '{unknown[0]}'; the fake engine takes only reward_noise",
            key=f"backend.engine_options.{unknown[0]}",
        )
    noise = options.get("reward_noise", 1.0)
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise < math.inf:
        raise InputError(
            f"backend.engine_options.reward_noise is {noise!r}; expected a number ≥ 0",
            key="backend.engine_options.reward_noise",
        )
    return float(noise)


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


def load_experts(
    payload: LoadPayload,
) -> tuple[tuple[Floats, Floats] | None, dict[str, Digests]]:
    """Weights of expert and anti-expert, and what they were made of.

    Raises:
        InputError: as `load_policy`.
    """
    steering = None if payload.decoding is None else payload.decoding.experts
    if steering is None:
        return None, {}
    expert, of_expert = load_policy(steering.expert.model, "decoding.expert")
    anti_expert, of_anti = load_policy(steering.anti_expert.model, "decoding.anti_expert")
    return (expert, anti_expert), {"expert": of_expert, "anti_expert": of_anti}


def scorer_digests(scorer: LoadScorer, builtin: NDArray[Any]) -> Digests:
    """Of the files of a scorer, or what stands for those of the built-in one."""
    if not isinstance(scorer, ClassifierScorer | PreferenceScorer):
        return builtin_digest(builtin)
    return folder_digests(Path(scorer.model))


def _evaluation_digests(payload: LoadPayload) -> dict[str, Digests]:
    digests: dict[str, Digests] = {}
    if (toxicity := payload.evaluation.toxicity) is not None:
        digests["toxicity"] = scorer_digests(toxicity.scorer, np.zeros(1))
    if (fluency := payload.evaluation.fluency) is not None:
        _, digests["fluency"] = load_policy(fluency.model, "evaluation.fluency.model")
    return digests


def builtin_digest(array: NDArray[Any]) -> Digests:
    """Stands for the files that the built-in world does not have."""
    return {"builtin": hashlib.sha256(array.tobytes()).hexdigest()}
