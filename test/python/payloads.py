"""Payloads for tests: whole ones to begin with, and ways to change one field."""

from typing import Any

import msgspec

from averse_worker.wire.messages.base import float32_bytes, uint32_bytes
from averse_worker.wire.messages.evaluation import EvaluatePayload
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import RolloutPayload, TextsPayload, UpdatePayload

LOAD: dict[str, Any] = {
    "seed": 7,
    "policy": {"model": "builtin", "lora_rank": 0, "trust_remote_code": False},
    "reference": None,
    "reward": {
        "model": "builtin",
        "label": None,
        "sign": 1,
        "transform": "identity",
        "scale": 2,
        "baseline": "none",
        "timeout_seconds": 0,
    },
    "judge": None,
    "data": {"path": "builtin", "prompt_tokens": 12},
    "rollout": {
        "new_tokens": 6,
        "min_new_tokens": 1,
        "temperature": 1,
        "top_k": 0,
        "top_p": 1,
        "minibatch": 0,
    },
    "training": {
        "epochs": 2,
        "minibatch": 4,
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
        "average_decay": 0,
    },
    "backend": {"device": "cpu", "dtype": "float32", "threads": 1, "deterministic": True},
}
"""A load payload as the controller sends it: whole numbers where JavaScript makes them so."""


def load_payload(base: LoadPayload | None = None, **changes: Any) -> LoadPayload:
    """The payload `base` (or `LOAD`) with fields changed: `training__epochs=3`, `seed=1`."""
    plain = msgspec.to_builtins(base if base is not None else LOAD)
    for path, value in changes.items():
        *sections, last = path.split("__")
        target = plain
        for section in sections:
            target = target[section]
        if last not in target:
            raise KeyError(path)
        target[last] = value
    return msgspec.convert(plain, LoadPayload)


def rollout_payload(prompts: Any, *, seed: int = 1, beta: float = 0.2) -> RolloutPayload:
    return RolloutPayload(prompts=uint32_bytes(prompts), seed=seed, kl_coefficient=beta)


def update_payload(rollout: int, weights: Any, *, seed: int = 1) -> UpdatePayload:
    return UpdatePayload(
        rollout=rollout, weights=float32_bytes(weights), seed=seed, learning_rate_factor=1.0
    )


def texts_payload(rollout: int, episodes: Any) -> TextsPayload:
    return TextsPayload(rollout=rollout, episodes=uint32_bytes(episodes))


def evaluate_payload(prompts: Any, **changes: Any) -> EvaluatePayload:
    fields: dict[str, Any] = {
        "split": "test",
        "prompts": uint32_bytes(prompts),
        "seed": 3,
        "weights": "current",
        "perplexity": False,
        "samples": 0,
    }
    return EvaluatePayload(**{**fields, **changes})
