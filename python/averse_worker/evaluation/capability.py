"""What else a policy can do: tasks of EleutherAI's lm-evaluation-harness, an optional package.

The harness reads the policy as it would be exported, so that its figures are those of the exported
model. It is imported only where tasks are asked for.
"""

import contextlib
import importlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeGuard

import torch
from transformers import PreTrainedModel

from averse_worker.engine.contract import Report
from averse_worker.models.policy import Policy
from averse_worker.platform.device import quiet
from averse_worker.platform.files import temporary_folder
from averse_worker.store.export import export_policy
from averse_worker.store.random_state import read_random_state, set_random_state
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.messages.evaluation import TaskFigure

KEY: Final = "evaluation.capability"
_INSTALL: Final = (
    'install it into the Python of the worker: python -m pip install "lm-eval[hf]>=0.4.9" '
    "(the extra `capability` of averse-worker)"
)


def check_tasks(tasks: Sequence[str]) -> None:
    """Refuses tasks that the harness does not have, before anything is trained.

    Raises:
        MissingEnvironment: it is not installed.
        InputError: names the first task that it does not know.
    """
    if not tasks:
        return
    known = set(_harness("lm_eval.tasks").TaskManager().all_tasks)
    for task in tasks:
        if task not in known:
            raise InputError(
                f"{KEY}.tasks names '{task}', which lm-evaluation-harness does not have; "
                "`python -m lm_eval ls tasks` lists its tasks",
                key=f"{KEY}.tasks",
            )


def measure_capability(
    policy: Policy, tasks: Sequence[str], limit: int | None, report: Report
) -> list[TaskFigure]:
    """The harness's own metrics of each task or group, with its own few-shot settings and seeds.

    Args:
        limit: documents of each task; None: all.

    Raises:
        MissingEnvironment: the harness, or the data of a task, cannot be had.
        InputError: it does not know a task.
    """
    check_tasks(tasks)
    harness = _harness("lm_eval")
    report("capability", 0, len(tasks), "tasks")
    figures: list[TaskFigure] = []
    # It seeds every global generator.
    before = read_random_state()
    try:
        with temporary_folder("averse-capability-") as folder:
            export_policy(policy, folder)
            for done, task in enumerate(tasks):

                def alive(done: int = done) -> None:
                    report("capability", done, len(tasks), "tasks")

                with _at_every_pass(alive):
                    result = _evaluated(harness, policy, str(folder), task, limit)
                figures += figures_of(task, result)
                report("capability", done + 1, len(tasks), "tasks")
    finally:
        set_random_state(before)
    return figures


@contextlib.contextmanager
def _at_every_pass(alive: Callable[[], None]) -> Iterator[None]:
    """Calls `alive` before each forward pass of any model: the harness has no callback, and a task
    may take hours."""

    def hook(module: torch.nn.Module, _: Any) -> None:
        if isinstance(module, PreTrainedModel):
            alive()

    handle = torch.nn.modules.module.register_module_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _evaluated(
    harness: Any, policy: Policy, folder: str, task: str, limit: int | None
) -> Mapping[str, Any]:
    try:
        with quiet():
            result: Mapping[str, Any] | None = harness.simple_evaluate(
                model="hf",
                model_args={"pretrained": folder, "dtype": "float32"},
                tasks=[task],
                limit=limit,
                device=str(policy.device.torch_device),
                batch_size=8,
                log_samples=False,
            )
    except (OSError, ImportError) as error:
        raise MissingEnvironment(
            f"{KEY}: the task '{task}' cannot be read "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]}); its data come from "
            "the Hugging Face Hub: download them once with a connection",
            key=KEY,
        ) from error
    if result is None or task not in result["results"]:
        raise MissingEnvironment(
            f"{KEY}: lm-evaluation-harness {version()} gave no result for the task '{task}'",
            key=KEY,
        )
    return result


def figures_of(task: str, result: Mapping[str, Any]) -> Iterator[TaskFigure]:
    """The task's metrics in a result of `simple_evaluate`, each with its standard error.

    The harness names them `acc,none`: metric and filter. A filter other than `none` becomes part of
    the name.
    """
    own: Mapping[str, Any] = result["results"][task]
    better: Mapping[str, Any] = result.get("higher_is_better", {}).get(task) or {}
    for name, value in own.items():
        metric, _, chosen = name.partition(",")
        if not chosen or metric.endswith("_stderr") or not _is_number(value):
            continue
        error = own.get(f"{metric}_stderr,{chosen}")
        yield TaskFigure(
            task=task,
            metric=metric if chosen == "none" else f"{metric}_{chosen}",
            value=float(value),
            standard_error=error if _is_number(error) else None,
            higher_is_better=better.get(metric),
        )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def version() -> str:
    """Of the harness that is installed."""
    return importlib.metadata.version("lm_eval")


def _harness(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingEnvironment(
            f"{KEY} needs lm-evaluation-harness, which cannot be imported ({error}); {_INSTALL}",
            key=KEY,
        ) from error
