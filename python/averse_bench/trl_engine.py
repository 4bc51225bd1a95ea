"""Episodes per second of the trl engine against TRL's own trainers, in turn: A B A B.

Both in one process, with the same threads, kernels and flags. One cycle is a rollout with rewards
and a KL against a frozen reference, and all gradient steps on it; on both sides every episode takes
part. Each pair of neighbouring cycles is one ratio, so that a slow stretch of the machine is on
both sides of it.
"""

from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from averse_bench.setting import (
    BETA,
    GENERATIONS,
    Setting,
    Times,
    load_payload,
    no_report,
    update_payload,
)
from averse_bench.trl import PlainCycles
from averse_worker.data.text import Text
from averse_worker.engine.trl.engine import TrlEngine
from averse_worker.wire.messages.base import (
    float32_array,
    float32_bytes,
    uint32_array,
    uint32_bytes,
)
from averse_worker.wire.messages.training import RolloutPayload


def measure(setting: Setting) -> dict[str, Any]:
    """By trainer: medians of both, and of the paired ratios."""
    return {name: _pairs(name, setting) for name in ("grpo", "rloo")}


def _pairs(name: str, setting: Setting) -> dict[str, Any]:
    engine = _EngineCycles(name, setting)
    # The first of each warms up; one trainer is made after the other, for they share a state.
    engine.cycle()
    plain = PlainCycles(name, setting, engine.prompts())
    plain.cycle()
    ours, theirs = Times(), Times()
    for _ in range(setting.repeats):
        theirs.measure(plain.cycle)
        ours.measure(engine.cycle)
    plain.end()
    return {
        "engine": ours.medians(),
        "plain": theirs.medians(),
        "times_as_fast": theirs.paired_over(ours),
    }


class _EngineCycles:
    """The engine, commanded as by the controller."""

    def __init__(self, name: str, setting: Setting) -> None:
        payload = load_payload(setting)
        training = structs.replace(
            payload.training, critic=False, prefix_baseline=False, ema_decay=0.0
        )
        payload = structs.replace(payload, training=training, engine_options={"trainer": name})
        self._engine = TrlEngine()
        ids = uint32_array(self._engine.load(payload, no_report).train.ids)
        self._ids = ids[: setting.batch // GENERATIONS]
        self._aggregation = "token-mean" if name == "grpo" else "seq-mean-token-sum"
        self._seed = 0

    def prompts(self) -> list[str]:
        """Of every cycle."""
        loaded = self._engine._loaded
        assert loaded is not None
        texts: list[Text] = loaded.prompts["train"].prompts.texts
        return [text.written for text in texts[: len(self._ids)]]

    def cycle(self) -> None:
        """One rollout, and the update with leave-one-out advantages."""
        self._seed += 1
        rolled = self._engine.rollout(
            RolloutPayload(
                prompts=uint32_bytes(self._ids),
                completions=GENERATIONS,
                condition=None,
                seed=self._seed,
                kl_coefficient=BETA,
            ),
            no_report,
        )
        payload = update_payload(
            rolled.rollout,
            self._seed,
            advantages=float32_bytes(_leave_one_out(float32_array(rolled.return_))),
            loss_aggregation=self._aggregation,
        )
        self._engine.update(payload, no_report)


def _leave_one_out(returns: NDArray[np.float32]) -> NDArray[np.float64]:
    groups = returns.astype(np.float64).reshape(-1, GENERATIONS)
    others = (groups.sum(1, keepdims=True) - groups) / (GENERATIONS - 1)
    advantages: NDArray[np.float64] = (groups - others).reshape(-1)
    return advantages
