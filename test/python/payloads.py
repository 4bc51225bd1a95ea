"""Payloads for tests: whole ones to begin with, and ways to change one field."""

import copy
from typing import Any, Literal

import msgspec

from averse_worker.wire.messages.base import float32_bytes, uint32_bytes
from averse_worker.wire.messages.evaluation import EvaluatePayload, ToxicityPayload
from averse_worker.wire.messages.load import LoadPayload, ScorePromptsPayload
from averse_worker.wire.messages.stages import DescribeStagePayload, TrainStagePayload
from averse_worker.wire.messages.training import (
    KlForm,
    KlLoss,
    RolloutPayload,
    SftPayload,
    TextsPayload,
    UpdatePayload,
)


def data_source(path: str | None = None, **changes: Any) -> dict[str, Any]:
    """The builtin data, or those at a path, with other keys of the only part or of the whole."""
    part = {
        "place": {"kind": "builtin"} if path is None else {"kind": "path", "path": path},
        "weight": None,
        "columns": None,
        "good": None,
        "filter": [],
        "split": {"train": None, "test": None, "fraction": None},
    }
    own = {key: changes.pop(key) for key in tuple(changes) if key in part}
    whole = {
        "parts": [part | own],
        "seed": 0,
        "deduplicate": False,
        "balance": None,
        "limit": {"train": None, "test": None},
        "max_overlap": 1.0,
        "template": "auto",
        "truncate": None,
    }
    return whole | changes


BUILTIN: dict[str, Any] = {
    "kind": "builtin",
    "labels": [],
    "output": "logit",
    "text": "whole",
    "sign": 1,
    "timeout_seconds": 0,
}
"""The scorer that ships with the worker."""

LOAD: dict[str, Any] = {
    "seed": 7,
    "policy": {
        "model": "builtin",
        "revision": None,
        "trust_remote_code": False,
        "adapter": None,
        "quantize": "none",
        "gradient_checkpointing": False,
    },
    "reference": None,
    "rewards": [
        {
            "name": "reward",
            "weight": 1,
            "transform": "identity",
            "scale": 2,
            "threshold": 0,
            "normalize": "none",
            "baseline": "none",
            "scorer": BUILTIN,
        }
    ],
    "judges": [],
    "evaluation": {"toxicity": None, "fluency": None, "tasks": []},
    "data": {"source": data_source(), "prompt_tokens": 12},
    "rollout": {
        "new_tokens": 6,
        "min_new_tokens": 1,
        "temperature": 1,
        "top_k": 0,
        "top_p": 1,
        "minibatch": 0,
    },
    "conditions": [],
    "decoding": None,
    "training": {
        "critic": True,
        "epochs": 2,
        "minibatch": 4,
        "microbatch": 0,
        "learning_rate": 1e-4,
        "value_learning_rate": 1e-3,
        "gamma": 1,
        "lambda": 0.95,
        "clip_ratio": 0.2,
        "clip_value": 0.2,
        "value_coefficient": 0.1,
        "entropy_coefficient": 0,
        "max_grad_norm": 1,
        "prefix_baseline": False,
        "ema_decay": 0,
    },
    "backend": {
        "device": "cpu",
        "dtype": "float32",
        "frozen_dtype": None,
        "threads": 1,
        "deterministic": True,
    },
    "engine_options": {},
}
"""A load payload as the controller sends it: whole numbers where JavaScript makes them so."""


SFT: dict[str, Any] = {
    "seed": 1,
    "steps": 3,
    "epochs": None,
    "batch": 4,
    "learning_rate": 1e-3,
    "learning_rate_decay": "linear",
    "warmup": 0.05,
    "max_tokens": 16,
    "packing": False,
    "completion_only": False,
    "held_out_every": 0,
    "early_stopping": 0,
}

ROLLOUT: dict[str, Any] = {
    "prompts": uint32_bytes([0, 1]),
    "completions": 1,
    "condition": None,
    "seed": 1,
    "kl_coefficient": 0,
}

UPDATE: dict[str, Any] = {
    "rollout": 1,
    "weights": b"\0\0\x80\x3f" * 2,
    "rewards": None,
    "advantages": None,
    "conditions": None,
    "kl_weights": None,
    "kl_loss": None,
    "whiten": "kept",
    "loss_aggregation": "token-mean",
    "steps_per_epoch": None,
    "seed": 1,
    "learning_rate_factor": 1,
}
"""Of that rollout, both episodes alike."""

JUDGE: dict[str, Any] = {
    "name": "judge",
    "scorer": BUILTIN,
}


def classifier(model: str, **changes: Any) -> dict[str, Any]:
    """A scorer of a folder or hub id."""
    return {
        "kind": "classifier",
        "model": model,
        "revision": None,
        "trust_remote_code": False,
        "labels": [],
        "output": "logit",
        "text": "whole",
        "sign": 1,
        "timeout_seconds": 0,
        **changes,
    }


def adapter(rank: int, **changes: Any) -> dict[str, Any] | None:
    """LoRA as the controller asks for it by its rank alone; 0: full fine-tuning."""
    if rank == 0:
        return None
    return {
        "kind": "lora",
        "rank": rank,
        "alpha": 2 * rank,
        "dropout": 0,
        "targets": None,
        **changes,
    }


def load_payload(base: LoadPayload | None = None, **changes: Any) -> LoadPayload:
    """The payload `base` (or `LOAD`) with fields changed: `training__epochs=3`, `seed=1`.

    A number is a place in a list: `rewards__0__weight=2`.
    """
    plain = copy.deepcopy(msgspec.to_builtins(base if base is not None else LOAD))
    for path, value in changes.items():
        *sections, last = path.split("__")
        target = plain
        for section in sections:
            target = target[int(section) if section.isdigit() else section]
        if last not in target:
            raise KeyError(path)
        target[last] = value
    return msgspec.convert(plain, LoadPayload)


STAGE: dict[str, Any] = {
    "name": "mine",
    "kind": "language_model",
    "base": {"kind": "model", "model": "builtin", "revision": None, "trust_remote_code": False},
    "data": data_source(),
    "options": {
        "steps": 10,
        "epochs": None,
        "batch": 4,
        "learning_rate": 1e-4,
        "learning_rate_decay": "linear",
        "warmup": 0,
        "max_tokens": 12,
        "held_out_every": 0,
        "early_stopping": 0,
    },
}


def stage_payload(path: Any = None, *, seed: int = 5, **changes: Any) -> Any:
    """A payload of `train_stage`, or without a path of `describe_stage`."""
    stage = copy.deepcopy(STAGE)
    for name, value in changes.items():
        *sections, last = name.split("__")
        target = stage
        for section in sections:
            target = target[section]
        target[last] = value
    plain = {"stage": stage, "backend": LOAD["backend"]}
    if path is None:
        return msgspec.convert(plain, DescribeStagePayload)
    return msgspec.convert({"seed": seed, "path": str(path), **plain}, TrainStagePayload)


def sft_payload(**changes: Any) -> SftPayload:
    """`SFT` with fields changed."""
    if unknown := changes.keys() - SFT.keys():
        raise KeyError(*unknown)
    return msgspec.convert({**SFT, **changes}, SftPayload)


def rollout_payload(
    prompts: Any,
    *,
    seed: int = 1,
    beta: float | None = 0.2,
    completions: int = 1,
    condition: int | None = None,
) -> RolloutPayload:
    return RolloutPayload(
        prompts=uint32_bytes(prompts),
        completions=completions,
        condition=condition,
        seed=seed,
        kl_coefficient=beta,
    )


def update_payload(
    rollout: int,
    weights: Any = None,
    *,
    rewards: Any = None,
    advantages: Any = None,
    conditions: Any = None,
    kl_weights: Any = None,
    kl_form: KlForm = "exact",
    kl_coefficient: float = 1.0,
    kl_unit: Literal["advantage", "reward"] = "advantage",
    aggregation: Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"] = "token-mean",
    whiten: Literal["kept", "batch"] = "kept",
    steps: int | None = None,
    seed: int = 1,
    learning_rate_factor: float = 1.0,
) -> UpdatePayload:
    def packed(values: Any) -> bytes | None:
        return None if values is None else float32_bytes(values)

    kl_loss = KlLoss(form=kl_form, coefficient=kl_coefficient, unit=kl_unit)
    return UpdatePayload(
        rollout=rollout,
        weights=packed(weights),
        rewards=packed(rewards),
        advantages=packed(advantages),
        conditions=None if conditions is None else uint32_bytes(conditions),
        kl_weights=packed(kl_weights),
        kl_loss=None if kl_weights is None else kl_loss,
        whiten=whiten,
        loss_aggregation=aggregation,
        steps_per_epoch=steps,
        seed=seed,
        learning_rate_factor=learning_rate_factor,
    )


def score_payload(prompts: Any, *, split: Any = "train", known: Any = None) -> ScorePromptsPayload:
    return ScorePromptsPayload(split=split, prompts=uint32_bytes(prompts), known=known)


def texts_payload(rollout: int, episodes: Any) -> TextsPayload:
    return TextsPayload(rollout=rollout, episodes=uint32_bytes(episodes))


def toxicity_payload(prompts: Any, **changes: Any) -> ToxicityPayload:
    fields: dict[str, Any] = {
        "split": "test",
        "prompts": uint32_bytes(prompts),
        "completions": 3,
        "condition": None,
        "new_tokens": 4,
        "temperature": 1,
        "top_p": 0.9,
        "seed": 3,
        "weights": "current",
        "figures": [],
    }
    return ToxicityPayload(**{**fields, **changes})


def evaluate_payload(prompts: Any, *, samples: Any = (), **changes: Any) -> EvaluatePayload:
    fields: dict[str, Any] = {
        "split": "test",
        "prompts": uint32_bytes(prompts),
        "completions": 1,
        "condition": None,
        "seed": 3,
        "weights": "current",
        "figures": [],
        "samples": uint32_bytes(samples),
    }
    return EvaluatePayload(**{**fields, **changes})
