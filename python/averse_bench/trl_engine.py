"""Episodes per second of the trl engine against TRL's own trainers, in turn: A B A B.

Both in one process, with the same threads, kernels and flags. One cycle is a rollout with rewards
and a KL against a frozen reference, and all gradient steps on it; on both sides every episode takes
part. Each pair of neighbouring cycles is one ratio, so that a slow stretch of the machine is on
both sides of it.
"""

import queue
import statistics
import tempfile
import threading
from functools import partial
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from transformers import TrainerCallback

from averse_bench.setting import BETA, Setting, Times, load_payload, no_report
from averse_bench.trl import GENERATIONS, gradient_steps, plain_trainer
from averse_worker.data.text import Text
from averse_worker.engine.trl.engine import TrlEngine
from averse_worker.wire.messages.base import (
    float32_array,
    float32_bytes,
    uint32_array,
    uint32_bytes,
)
from averse_worker.wire.messages.training import RolloutPayload, UpdatePayload


def measure(setting: Setting) -> dict[str, Any]:
    """By trainer: medians of both, and of the paired ratios."""
    return {name: _pairs(name, setting) for name in ("grpo", "rloo")}


def _pairs(name: str, setting: Setting) -> dict[str, Any]:
    engine = _EngineCycles(name, setting)
    # The first of each warms up; one trainer is made after the other, for they share a state.
    engine.cycle()
    plain = _PlainCycles(name, setting, engine.prompts())
    plain.cycle()
    ours, theirs = Times(), Times()
    for _ in range(setting.repeats):
        theirs.measure(plain.cycle)
        ours.measure(engine.cycle)
    plain.end()
    return {
        "engine": ours.medians(),
        "plain": theirs.medians(),
        "times_as_fast": {
            clock: _ratios(getattr(theirs, clock), getattr(ours, clock))
            for clock in ("wall", "cpu")
        },
    }


def _ratios(plain: list[float], engine: list[float]) -> dict[str, float]:
    """Of the paired cycles: plain over engine, more than 1 where the engine is faster."""
    ratios = [other / own for other, own in zip(plain, engine, strict=True)]
    return {
        name: round(of(ratios), 3)
        for name, of in (("median", statistics.median), ("least", min), ("greatest", max))
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
        payload = UpdatePayload(
            rollout=rolled.rollout,
            weights=None,
            rewards=None,
            advantages=float32_bytes(_leave_one_out(float32_array(rolled.return_))),
            conditions=None,
            kl_weights=None,
            kl_loss=None,
            whiten="kept",
            loss_aggregation=self._aggregation,  # type: ignore[arg-type]
            steps_per_epoch=None,
            seed=self._seed,
            learning_rate_factor=1.0,
        )
        self._engine.update(payload, no_report)


def _leave_one_out(returns: NDArray[np.float32]) -> NDArray[np.float64]:
    groups = returns.astype(np.float64).reshape(-1, GENERATIONS)
    others = (groups.sum(1, keepdims=True) - groups) / (GENERATIONS - 1)
    advantages: NDArray[np.float64] = (groups - others).reshape(-1)
    return advantages


class _PlainCycles(TrainerCallback):  # type: ignore[misc]
    """The trainer on a thread, which waits after each cycle."""

    def __init__(self, name: str, setting: Setting, prompts: list[str]) -> None:
        self._steps = gradient_steps(setting)
        self._go: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        run = partial(self._run, name, setting, prompts)
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def cycle(self) -> None:
        """One generation batch and all gradient steps on it."""
        self._go.put(True)
        if (error := self._done.get()) is not None:
            raise error

    def end(self) -> None:
        """Ends the trainer."""
        self._go.put(False)
        self._thread.join()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 0:
            self._go.get()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self._steps == 0:
            self._done.put(None)
            control.should_training_stop = not self._go.get()

    def _run(self, name: str, setting: Setting, prompts: list[str]) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                plain_trainer(
                    name,
                    setting,
                    prompts,
                    folder,
                    self,
                    setting.repeats + 2,
                    top_k=0,
                    disable_dropout=True,
                ).train()
        except BaseException as error:
            self._done.put(error)
