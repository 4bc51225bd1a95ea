"""Turns an exception of an engine into the error kind, message and traceback of a Failure."""

import errno
import re
import traceback
from typing import Final

from averse_worker.platform.device_errors import is_device_error
from averse_worker.platform.memory import is_out_of_memory
from averse_worker.wire.errors import ErrorKind, WorkerError
from averse_worker.wire.messages.base import NotFinite
from averse_worker.wire.messages.envelope import Failure

_MACHINE_ERRNOS: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
)

_MEMORY_ADVICE: Final = (
    "lower training.minibatch (gradients) or rollout.minibatch (sampling; 0 is the whole batch), "
    "shorten rollout.new_tokens, set backend.dtype to bfloat16 or use policy.lora_rank"
)

_DIVERGED_ADVICE: Final = {
    "sft": "start a new run with a lower sft.learning_rate",
    "update": "start a new run with a lower training.learning_rate",
}
_UNTRAINED_ADVICE: Final = (
    "after updates, start a new run with a lower training.learning_rate; before any, set "
    "backend.dtype to float32, or choose another policy.model"
)
"""for a command that trains nothing: an earlier update or the model is the cause"""


def failure_of(error: BaseException, *, session: str, id: int, command: str) -> Failure:
    """The Failure that answers request `id`; bugs come with their traceback as detail."""
    kind, message, key, detail = _described(error, command)
    return Failure(
        session=session,
        id=id,
        error=kind,
        message=_sendable(message),
        key=key,
        detail=None if detail is None else _sendable(detail),
    )


def _described(error: BaseException, command: str) -> tuple[ErrorKind, str, str | None, str | None]:
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, WorkerError):
        cause = trace if error.__cause__ is not None else None
        return error.kind, error.message, error.key, error.detail or cause
    if isinstance(error, NotFinite):
        advice = _DIVERGED_ADVICE.get(command, _UNTRAINED_ADVICE)
        message = f"`{command}` produced NaN or infinity: {error}; {advice}"
        return "diverged", message, None, trace
    if is_out_of_memory(error):
        return "memory", f"`{command}` ran out of memory; {_MEMORY_ADVICE}", None, trace
    if is_device_error(error):
        message = (
            f"`{command}` failed with a device error, after which this worker cannot use it; "
            "resume with a new worker; if it fails at the same place again, start a new run with "
            "backend.device cpu to find the cause"
        )
        return "environment", message, "backend.device", trace
    if isinstance(error, ImportError):
        message = (
            f"`{command}` needs the package {error.name or error}, which cannot be imported; "
            "install the worker's packages into this Python (`averse doctor` shows how)"
        )
        return "environment", message, None, trace
    if _errno_of(error) in _MACHINE_ERRNOS:
        message = (
            f"`{command}` failed in the operating system: {error}; free disk space or grant access"
        )
        return "environment", message, None, trace
    message = f"`{command}` failed with {type(error).__name__}: {error}; this is a bug"
    return "internal", message, None, trace


def _errno_of(error: BaseException) -> int | None:
    """The errno of a system error; safetensors, written in Rust, has it only in its message."""
    if isinstance(error, OSError):
        return error.errno
    if type(error).__name__ != "SafetensorError":
        return None
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else None


def _sendable(text: str) -> str:
    """Replaces half surrogate pairs, as in file names that are not UTF-8, by question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
