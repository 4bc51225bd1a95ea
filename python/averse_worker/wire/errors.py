"""What a worker can return instead of a result; each class is one error kind of the protocol.

A message says what is wrong, where, what was expected and what to do next. `key` is the path of
the config key that led here (``"policy.model"``), when one did.
"""

from typing import ClassVar, Literal

ErrorKind = Literal[
    "protocol", "input", "environment", "memory", "diverged", "interrupted", "internal"
]


class WorkerError(Exception):
    """An error with a kind: the server sends it as a Failure, and the worker lives on."""

    kind: ClassVar[ErrorKind] = "internal"

    def __init__(self, message: str, *, key: str | None = None, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.key = key
        self.detail = detail


class ProtocolError(WorkerError):
    """The message itself is wrong, or came out of order: a fault of the controller."""

    kind = "protocol"


class InputError(WorkerError):
    """The user's config, model or data is wrong and has to be changed."""

    kind = "input"


class MissingEnvironment(WorkerError):  # noqa: N818 — names a state of the machine
    """A package, a device or a permission is missing on this machine."""

    kind = "environment"


class OutOfMemory(WorkerError):  # noqa: N818
    """Host or device memory ran out; the message says which setting lowers the need."""

    kind = "memory"


class Diverged(WorkerError):  # noqa: N818
    """A loss, gradient or reward is NaN or infinite; `detail` carries the numbers."""

    kind = "diverged"


class Interrupted(WorkerError):  # noqa: N818
    """The controller interrupted the running command; raised by `Report`."""

    kind = "interrupted"
