"""A Python function as a reward, with the signature of TRL's reward functions.

    f(prompts, completions, **columns) -> list[float | None]

Of conversations, prompts and completions are lists of messages. It may be asynchronous. None, and
NaN, is a failed reward.
"""

import asyncio
import importlib
import importlib.util
import inspect
import math
import sys
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import Any, Final

import numpy as np

from averse_worker.platform.files import file_digest
from averse_worker.rewards.contract import Failed, Scores
from averse_worker.rewards.scored_text import Reading, ScoredText
from averse_worker.wire.errors import InputError, MissingEnvironment

LoadedFunction = tuple[Callable[..., Any], dict[str, str]]
"""a function, and the sha256 of its file by name"""

_OWN: Final = ("prompts", "completions")


class FunctionReward:
    """Sign × what a function of the user's gives."""

    batch: Final = 256

    def __init__(self, function: Callable[..., Any], name: str, text: Reading, sign: int) -> None:
        self._function = function
        self._name = name
        self._text: Reading = text
        self._sign = sign

    def score_pairs(self, texts: Sequence[ScoredText]) -> Scores:
        """One call of the function.

        Raises:
            TypeError, ValueError: what it returns is no list of so many numbers.
        """
        pairs = [text.conversation(self._text) or text.pair(self._text) for text in texts]
        known = texts[0].columns.keys() - {*_OWN} if texts else ()
        columns = {name: [text.columns.get(name) for text in texts] for name in sorted(known)}
        asked = {
            "prompts": [prompt for prompt, _ in pairs],
            "completions": [completion for _, completion in pairs],
        }
        found = self._function(**asked, **self._accepted(columns))
        if inspect.isawaitable(found):
            found = asyncio.run(_awaited(found))
        return self._read(found, len(texts))

    def _accepted(self, columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """All columns where the function takes any, else those it names."""
        parameters = inspect.signature(self._function).parameters.values()
        if any(one.kind is one.VAR_KEYWORD for one in parameters):
            return columns
        wanted = {one.name for one in parameters} - {*_OWN}
        missing = sorted(
            one.name
            for one in parameters
            if one.name in wanted - columns.keys() and one.default is one.empty
        )
        if missing:
            raise TypeError(
                f"{self._name} needs the column '{missing[0]}', which the data does not have; "
                f"it has {', '.join(sorted(columns)) or 'no further columns'}"
            )
        return {name: column for name, column in columns.items() if name in wanted}

    def _read(self, found: Any, count: int) -> Scores:
        # Of a set, which number is whose cannot be told.
        if isinstance(found, str | bytes | dict | Set) or not hasattr(found, "__len__"):
            raise TypeError(
                f"{self._name} returned {_type(found)}; expected a list of {count} numbers or None"
            )
        if len(found) != count:
            raise ValueError(
                f"{self._name} returned {len(found)} scores for {count} completions; expected one "
                "for each"
            )
        values = np.full(count, np.nan, dtype=np.float32)
        failures: dict[int, Failed] = {}
        for i, value in enumerate(found):
            if value is None:
                failures[i] = Failed("not-finite", f"{self._name} returned None")
                continue
            is_number = hasattr(value, "__float__") and not isinstance(value, str | bytes | bool)
            # NumPy's and torch's booleans as Python's.
            if not is_number or str(getattr(value, "dtype", "")) in ("bool", "torch.bool"):
                raise TypeError(
                    f"{self._name} returned {_type(value)} for a completion; expected a number or "
                    "None"
                )
            number = self._sign * float(value)
            values[i] = number
            if not math.isfinite(number):
                failures[i] = Failed("not-finite", f"{self._name} returned {value}")
        return Scores(values, failures)


async def _awaited(found: Any) -> Any:
    return await found


def _type(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def load_function(named: str, key: str) -> LoadedFunction:
    """The function `file.py:function` or `module:function`, and the digest of its file.

    The file's folder is searched for modules that it imports, after all others.

    Raises:
        InputError: there is no such file or function, or importing it fails.
        MissingEnvironment: the module, or one that it imports, is not installed.
    """
    place, _, name = named.rpartition(":")
    try:
        module = (
            _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
        )
    except FileNotFoundError as error:
        raise InputError(f"{key} is '{named}', and there is no file {place}", key=key) from error
    except ModuleNotFoundError as error:
        raise MissingEnvironment(
            f"{key} is '{named}', and the module {error.name} cannot be imported: install it into "
            "the worker's Python, or name a file as in my_reward.py:function",
            key=key,
        ) from error
    except Exception as error:
        raise InputError(
            f"{key} is '{named}', and importing it fails: {type(error).__name__}: {error}", key=key
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        is_there = "no callable" if hasattr(module, name) else "not in it"
        functions = sorted(n for n, v in vars(module).items() if inspect.isfunction(v))
        raise InputError(
            f"{key} is '{named}', but {name} is {is_there}; it has "
            f"{', '.join(functions) or 'none'}",
            key=key,
        )
    file = getattr(module, "__file__", None)
    found = {} if file is None else {Path(file).name: file_digest(Path(file))}
    return function, found


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(path)
    name = f"averse_reward_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
