"""Ranges of payload fields that their types do not express; checked before anything is loaded.

The controller's config schema has the same ranges. They are checked again here because a worker
may have another controller, and because most values out of range would fail late and obscurely.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.evaluation import ToxicityPayload
from averse_worker.wire.messages.load import LoadPayload, ScorePromptsPayload
from averse_worker.wire.messages.stages import ArchitectureBase, Stage
from averse_worker.wire.messages.training import SftPayload, UpdatePayload


def check_load(payload: LoadPayload) -> None:
    """Refuses a load with a value out of range.

    Raises:
        InputError: with the config key of the first field out of range.
    """
    rollout, training = payload.rollout, payload.training
    for i, reward in enumerate(payload.rewards):
        _check(reward_key(payload, i, "scale"), reward.scale, low=0, open_low=True)
    _check_names("reward", [reward.name for reward in payload.rewards])
    _check_names("evaluation.judges", [judge.name for judge in payload.judges])
    if (adapter := payload.policy.adapter) is not None:
        _check("policy.lora_rank", adapter.rank, low=1)
        _check("policy.lora_alpha", adapter.alpha, low=0, open_low=True)
        _check("policy.lora_dropout", adapter.dropout, low=0, high=1, open_high=True)
    if payload.policy.quantize != "none" and adapter is None:
        raise InputError(
            f"policy.quantize is {payload.policy.quantize}, whose weights cannot be trained "
            "without an adapter; set policy.lora_rank (and sft.lora_rank, where it is set) to "
            "1 or more, or policy.quantize to none",
            key="policy.quantize",
        )
    _check("rollout.prompt_tokens", payload.data.prompt_tokens, low=1)
    _check("rollout.new_tokens", rollout.new_tokens, low=1)
    _check("rollout.min_new_tokens", rollout.min_new_tokens, low=0, high=rollout.new_tokens)
    _check("rollout.temperature", rollout.temperature, low=0, open_low=True)
    _check("rollout.top_p", rollout.top_p, low=0, high=1, open_low=True)
    _check("training.epochs", training.epochs, low=1)
    _check("training.minibatch", training.minibatch, low=1)
    _check("training.learning_rate", training.learning_rate, low=0)
    _check("training.value_learning_rate", training.value_learning_rate, low=0)
    _check("training.gamma", training.gamma, low=0, high=1)
    _check("training.lambda", training.lambda_, low=0, high=1)
    _check("training.clip_ratio", training.clip_ratio, low=0, open_low=True)
    _check("training.clip_value", training.clip_value, low=0, open_low=True)
    _check("training.value_coefficient", training.value_coefficient, low=0)
    _check("training.entropy_coefficient", training.entropy_coefficient, low=0)
    _check("training.max_grad_norm", training.max_grad_norm, low=0, open_low=True)
    _check("training.ema_decay", training.ema_decay, low=0, high=1, open_high=True)
    if (decoding := payload.decoding) is not None:
        _check("decoding.best_of", decoding.best_of, low=1)
        if (experts := decoding.experts) is not None:
            _check("decoding.strength", experts.strength, low=0)
            _check("decoding.filter_p", experts.filter_p, low=0, high=1, open_low=True)
    if training.prefix_baseline and not training.critic:
        raise InputError(
            "training.prefix_baseline needs a critic, but training.critic is false; set "
            "training.critic to true or training.prefix_baseline to false",
            key="training.prefix_baseline",
        )


def component_key(payload: LoadPayload, component: int) -> str:
    """Path of a reward component in the configuration, where one stands alone."""
    return "reward" if len(payload.rewards) == 1 else f"reward.{component}"


def reward_key(payload: LoadPayload, component: int, field: str) -> str:
    """Path of a field of a reward component in the configuration."""
    return f"{component_key(payload, component)}.{field}"


def judge_key(judge: int, field: str) -> str:
    """Path of a field of a judge in the configuration."""
    return f"evaluation.judges.{judge}.{field}"


def needs_prompt_scores(payload: LoadPayload) -> bool:
    """Whether a rollout needs the scores of its prompts alone."""
    baselines = any(reward.baseline == "prompt" for reward in payload.rewards)
    return baselines or payload.training.prefix_baseline


def stage_key(stage: Stage, field: str) -> str:
    """Path of a field of a stage in the configuration."""
    return f"stages.{stage.name}.{field}"


def check_stage(stage: Stage) -> None:
    """Refuses a stage of no steps, no texts or no tokens.

    Raises:
        InputError: with the config key of the first field out of range.
    """
    options = stage.options
    if (options.steps is None) == (options.epochs is None):
        raise InputError(
            f"stages.{stage.name} needs one of steps and epochs; set one of them",
            key=stage_key(stage, "steps"),
        )
    if options.steps is not None:
        _check(stage_key(stage, "steps"), options.steps, low=1)
    if options.epochs is not None:
        _check(stage_key(stage, "epochs"), options.epochs, low=0, open_low=True)
    _check(stage_key(stage, "batch"), options.batch, low=1)
    _check(stage_key(stage, "learning_rate"), options.learning_rate, low=0)
    _check(stage_key(stage, "max_tokens"), options.max_tokens, low=1)
    _check(stage_key(stage, "warmup"), options.warmup, low=0, high=1, open_high=True)
    if options.early_stopping > 0 and options.held_out_every == 0:
        raise InputError(
            f"stages.{stage.name}.early_stopping is {options.early_stopping}, but held_out_every "
            "is 0, so that the held-out loss is never measured; set it to a number of steps",
            key=stage_key(stage, "held_out_every"),
        )
    if isinstance(stage.base, ArchitectureBase):
        for field in ("layers", "width", "heads", "context", "vocabulary"):
            _check(stage_key(stage, f"base.{field}"), getattr(stage.base, field), low=1)


def check_sft(payload: SftPayload) -> None:
    """Refuses a fine-tuning of no steps, no texts or no tokens.

    Raises:
        InputError: with the config key of the first field out of range.
    """
    if (payload.steps is None) == (payload.epochs is None):
        raise InputError(
            "fine-tuning has both steps and epochs, or neither; send one of them and null for the "
            "other",
            key="sft.epochs",
        )
    if payload.steps is not None:
        _check("sft.steps", payload.steps, low=1)
    if payload.epochs is not None:
        _check("sft.epochs", payload.epochs, low=0, open_low=True)
    _check("sft.warmup", payload.warmup, low=0, high=1, open_high=True)
    if payload.early_stopping > 0 and payload.held_out_every == 0:
        raise InputError(
            f"sft.early_stopping is {payload.early_stopping}, but sft.held_out_every is 0, so that "
            "the held-out loss is never measured; set sft.held_out_every to a number of steps",
            key="sft.held_out_every",
        )
    _check("sft.batch", payload.batch, low=1)
    _check("sft.learning_rate", payload.learning_rate, low=0)
    _check("sft.max_tokens", payload.max_tokens, low=1)


def check_toxicity(payload: ToxicityPayload) -> None:
    """Refuses sampling settings out of range; whole numbers are right by their types.

    Raises:
        InputError: with the config key of the first field out of range.
    """
    _check("evaluation.toxicity.temperature", payload.temperature, low=0, open_low=True)
    _check("evaluation.toxicity.top_p", payload.top_p, low=0, high=1, open_low=True)


@dataclass(frozen=True)
class LossArrays:
    """The arrays of an update, per episode; float64 of shape (episodes,) or None."""

    weights: NDArray[np.float64] | None
    """≥ 0, of sum 1: only their ratios matter"""
    rewards: NDArray[np.float64] | None
    """in place of the trained ones; None: as rolled out"""
    advantages: NDArray[np.float64] | None
    """signed"""
    kl_weights: NDArray[np.float64] | None
    """≥ 0"""

    @property
    def taking_part(self) -> NDArray[np.intp]:
        """Positions of the episodes with a weight, an advantage or a KL weight."""
        arrays = (self.weights, self.advantages, self.kl_weights)
        given = [array != 0 for array in arrays if array is not None]
        return np.flatnonzero(np.logical_or.reduce(given))


def read_loss_arrays(
    payload: UpdatePayload, failed: NDArray[np.bool_], *, critic: bool
) -> LossArrays:
    """Reads the weights, rewards, advantages and KL weights of an update.

    Args:
        failed: (episodes,), which have no reward to learn from.
        critic: whether there are advantages that `weights` could weigh.

    Raises:
        InputError: they exclude each other, are not as many as the episodes, not finite, negative
            where they must not be, all zero, or lie on an episode without a reward.
    """
    if payload.weights is not None and payload.advantages is not None:
        raise InputError(
            "the update has both weights and advantages; weights multiply the critic's "
            "advantages, which advantages replace: send one of them and null for the other"
        )
    if payload.weights is not None and not critic:
        raise InputError(
            "the update has weights, which multiply the critic's advantages, but training.critic "
            "is false; send advantages",
            key="training.critic",
        )
    if payload.rewards is not None and payload.weights is None:
        raise InputError(
            "the update has rewards, which are behind the critic's advantages, but no weights on "
            "those; send weights, or null for the rewards"
        )
    if payload.conditions is not None and payload.advantages is None:
        raise InputError(
            "the update has conditions, under which episodes are learned by their likelihood, but "
            "no advantages; send advantages, or null for the conditions"
        )
    sampled = payload.kl_loss is not None and payload.kl_loss.form != "exact"
    if payload.conditions is not None and sampled:
        raise InputError(
            "the update has conditions and a KL loss that is estimated from sampled tokens, which "
            "were drawn under another one; set kl.loss to exact",
            key="kl.loss",
        )
    if (payload.kl_weights is None) != (payload.kl_loss is None):
        raise InputError("the update has only one of kl_weights and kl_loss; send both or neither")
    weights = _read_array("weight", payload.weights, failed.size, signed=False)
    rewards = _read_array("reward", payload.rewards, failed.size, signed=True)
    advantages = _read_array("advantage", payload.advantages, failed.size, signed=True)
    kl_weights = _read_array("KL weight", payload.kl_weights, failed.size, signed=False)
    for name, array in (("weight", weights), ("advantage", advantages)):
        if array is not None and (lost := failed & (array != 0)).any():
            first = int(np.argmax(lost))
            raise InputError(
                f"{name} {first} of the update is {array[first]}, but the reward of that episode "
                "failed; send 0 for it"
            )
    if weights is not None:
        if not weights.any():
            raise InputError("all weights of the update are 0: there is nothing to learn from")
        weights = weights / weights.sum()
    arrays = LossArrays(weights, rewards, advantages, kl_weights)
    if all(array is None or not array.any() for array in (weights, advantages, kl_weights)):
        raise InputError(
            "no episode of the update has a weight, an advantage or a KL weight: there is nothing "
            "to learn from"
        )
    return arrays


def check_condition(condition: int | None, known: int) -> None:
    """Refuses the place of a condition that the last `load` did not have.

    Raises:
        InputError: there is none.
    """
    if condition is not None and condition >= known:
        raise InputError(
            f"condition {condition} was requested; the last `load` has {known} conditions"
        )


def read_conditions(data: bytes | None, episodes: int, known: int) -> NDArray[np.intp] | None:
    """Reads the condition of each episode of an update; None: they are learned as drawn.

    Raises:
        InputError: they are not as many as the episodes, or one is not known.
    """
    if data is None:
        return None
    found = uint32_array(data).astype(np.intp)
    if found.size != episodes:
        raise InputError(
            f"the update has {found.size} conditions, the rollout {episodes} episodes; send one "
            "per episode"
        )
    check_condition(int(found.max(initial=0)), known)
    return found


def _read_array(
    name: str, data: bytes | None, episodes: int, *, signed: bool
) -> NDArray[np.float64] | None:
    if data is None:
        return None
    values = float32_array(data).astype(np.float64)
    if values.size != episodes:
        raise InputError(
            f"the update has {values.size} {name}s, the rollout {episodes} episodes; "
            f"send one {name} per episode, 0 for those to leave out"
        )
    wrong = ~np.isfinite(values) if signed else ~np.isfinite(values) | (values < 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        expected = "a finite number" if signed else "a finite number ≥ 0"
        raise InputError(f"{name} {first} of the update is {values[first]}; expected {expected}")
    return values


def read_known_scores(
    payload: ScorePromptsPayload, names: Sequence[str], prompts: int
) -> NDArray[np.float64] | None:
    """Reads the prompt scores that the controller kept, shape (components, prompts).

    Returns None where there are none and the prompts are to be scored.

    Raises:
        InputError: they are not one finite score per component and prompt.
    """
    if payload.known is None:
        return None
    components = [known.name for known in payload.known]
    if components != list(names):
        raise InputError(
            f"known prompt scores have the components {components}; expected {list(names)}"
        )
    rows = [float32_array(known.scores).astype(np.float64) for known in payload.known]
    for name, row in zip(names, rows, strict=True):
        if row.size != prompts or not np.isfinite(row).all():
            raise InputError(
                f"known prompt scores of '{name}' are {row.size} numbers; expected {prompts}, all "
                "finite: send null to have the prompts scored"
            )
    return np.stack(rows)


def read_prompts(data: bytes, known: NDArray[np.integer], split: str) -> NDArray[np.intp]:
    """Reads prompt ids and finds each one's position in `known`, the ids of the split.

    Returns shape (prompts,), in the requested order.

    Raises:
        InputError: there are none, or one is not of this split.
    """
    asked = uint32_array(data)
    if asked.size == 0:
        raise InputError(f"no prompts were requested; name at least one id of the {split} set")
    order = np.argsort(known)
    found: NDArray[np.intp] = order[
        np.searchsorted(known, asked, sorter=order).clip(max=known.size - 1)
    ]
    missing = known[found] != asked
    if missing.any():
        raise InputError(
            f"prompt {asked[int(np.argmax(missing))]} is not in the {split} set "
            f"of {known.size} prompts; use the ids that `load` returned"
        )
    return found


def read_episodes(data: bytes, count: int) -> list[int]:
    """Reads positions in a rollout of `count` episodes, in the requested order.

    Raises:
        InputError: the rollout has no such episode.
    """
    asked: list[int] = uint32_array(data).tolist()
    for episode in asked:
        if episode >= count:
            raise InputError(
                f"episode {episode} was requested; the rollout has episodes 0 to {count - 1}"
            )
    return asked


def _check_names(key: str, names: Sequence[str]) -> None:
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise InputError(f"{key} has two entries named '{twice}'; rename one", key=key)


def _check(
    key: str,
    value: float,
    *,
    low: float,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if below or above:
        opening, closing = "(" if open_low else "[", ")" if open_high or high == math.inf else "]"
        raise InputError(
            f"{key} is {value}; expected a number in {opening}{low:g}, {high:g}{closing}", key=key
        )
