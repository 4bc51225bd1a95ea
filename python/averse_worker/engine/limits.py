"""Settings of an experiment that an engine does not take, as data: `hello` tells them, so that the
controller refuses them before anything is imported, and `load` does so all the same.

What an engine cannot do at all is a capability; what a setting may be for all of them is in
`wire/limits.py`.
"""

import re
from typing import Any, Final

from averse_worker.engine.options import OF_GRPO
from averse_worker.platform.processes import Place
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.envelope import Limit
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.server import EngineFacts

_OPTIONS: Final = "backend.engine_options."


def _limit(
    key: str,
    why: str,
    *,
    allowed: list[str] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str | None = None,
    when: dict[str, str | bool] | None = None,
    trains: bool = False,
) -> Limit:
    return Limit(
        key=key,
        when=when or {},
        trains=trains,
        allowed=allowed,
        minimum=minimum,
        maximum=maximum,
        pattern=pattern,
        why=why,
    )


_RLOO: Final[dict[str, str | bool]] = {f"{_OPTIONS}trainer": "rloo"}

OF_FAKE: Final = (
    _limit("backend.device", "this engine computes on the CPU alone", allowed=["auto", "cpu"]),
)

OF_TRL: Final = (
    _limit("policy.quantize", "this engine trains no quantized weights", allowed=["none"]),
    _limit("training.entropy_coefficient", "TRL's trainers have no entropy bonus", maximum=0),
    _limit(
        "training.loss_aggregation",
        "RLOOTrainer's loss is a mean over completions with one ratio each",
        allowed=["seq-mean-token-sum"],
        when=_RLOO,
        trains=True,
    ),
    _limit(f"{_OPTIONS}beta", "RLOOTrainer has no KL term in its loss", maximum=0, when=_RLOO),
    *(
        _limit(f"{_OPTIONS}{name}", "RLOOTrainer has no such option", allowed=[], when=_RLOO)
        for name in OF_GRPO
        if name != "beta"
    ),
)

OF_VLLM: Final = (
    _limit("policy.quantize", "the server would draw from other weights", allowed=["none"]),
    _limit("rollout.temperature", "a vLLM server takes no other", minimum=0.01, maximum=2),
    _limit(
        f"{_OPTIONS}url",
        "the connection to another machine would be unencrypted",
        # What is no address, or has a password in it that no message may quote, is the worker's
        # to refuse (`platform/http.py`).
        pattern=r"^(?!http://)|@|^http://(localhost|127(\.\d+){3}|\[::1\])(:\d+)?(/|$)",
        when={f"{_OPTIONS}allow_insecure": False},
    ),
)


def limits_of_several(place: Place) -> tuple[Limit, ...]:
    """Of several processes that compute together, and of how they divide the work."""
    return (
        _limit(
            "training.batch",
            f"the episodes are divided among {place.count} processes",
            minimum=place.count,
            trains=True,
        ),
        *(
            [
                _limit(
                    "policy.quantize",
                    f"--strategy {place.strategy} divides weights of plain number formats alone",
                    allowed=["none"],
                )
            ]
            if place.sharded
            else []
        ),
        *(
            [
                _limit(
                    "backend.dtype",
                    "--strategy deepspeed would lose float16's small gradients",
                    allowed=["float32", "bfloat16"],
                )
            ]
            if place.strategy == "deepspeed"
            else []
        ),
    )


def check_limits(facts: EngineFacts, payload: LoadPayload) -> None:
    """Refuses what the engine has a limit for. What `load` does not tell is checked where it comes.

    Raises:
        InputError: with the key.
    """
    for limit in facts.limits:
        value = _setting(facts, payload, limit.key)
        holds = all(_setting(facts, payload, key) == asked for key, asked in limit.when.items())
        if value is None or not holds or _fits(limit, value):
            continue
        others = "".join(f", or change {key}" for key in limit.when)
        raise InputError(
            f"{limit.key} is {value}, but {limit.why}; {_remedy(limit)}{others}", key=limit.key
        )


def _setting(facts: EngineFacts, payload: LoadPayload, key: str) -> Any:
    """None: it is left out, or `load` does not have it."""
    if key.startswith(_OPTIONS):
        name = key.removeprefix(_OPTIONS)
        default = facts.options["properties"].get(name, {}).get("default")
        return payload.engine_options.get(name, default)
    value: Any = payload
    for part in key.split("."):
        value = getattr(value, part, None)
    return value


def _fits(limit: Limit, value: Any) -> bool:
    return (
        (limit.allowed is None or value in limit.allowed)
        and (limit.minimum is None or value >= limit.minimum)
        and (limit.maximum is None or value <= limit.maximum)
        and (limit.pattern is None or re.search(limit.pattern, value) is not None)
    )


def _remedy(limit: Limit) -> str:
    if limit.allowed == []:
        return "leave it out"
    if limit.allowed is not None:
        return f"set it to {' or '.join(limit.allowed)}"
    low, high = limit.minimum, limit.maximum
    if low is not None and high is not None:
        return f"set it to {low:g} to {high:g}"
    if low is not None:
        return f"set it to {low:g} or more"
    if high is not None:
        return f"set it to {high:g}" if high == 0 else f"set it to {high:g} or less"
    return "change it"
