"""Reads requests: from the bytes of the wire to a checked command, or a refusal."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from averse_worker import __version__
from averse_worker.wire.errors import ProtocolError
from averse_worker.wire.messages.base import LARGEST_EXACT_INTEGER, Message
from averse_worker.wire.messages.envelope import PAYLOADS, PROTOCOL_VERSION, Command, Request

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for malformed bytes."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A request whose every field has been checked."""

    id: int
    command: Command
    payload: Message


class Refused(ProtocolError):  # noqa: N818 — as in errors.py
    """A request that is refused; `id` is None where it could not be read."""

    def __init__(self, message: str, *, id: int | None) -> None:
        super().__init__(message)
        self.id = id


class _Header(msgspec.Struct):
    """What every version of the protocol has had; unknown fields are allowed on purpose."""

    kind: Any = msgspec.UNSET
    protocol: Any = None
    session: Any = None
    id: Any = None


def read_request(frames: list[bytes], session: str) -> Accepted:
    """Decodes one request: the version first, then session, envelope and payload.

    Raises:
        Refused: naming the path of the first wrong field.
    """
    if len(frames) != 1:
        raise Refused(f"a message came in {len(frames)} frames, expected one", id=None)
    try:
        header = msgspec.msgpack.decode(frames[0], type=_Header)
    except _UNREADABLE as error:
        raise Refused(
            f"a message of {len(frames[0])} bytes is not a MessagePack map: {error}", id=None
        ) from error
    id = _readable_id(header.id)
    _check_version(header.protocol, id)
    if header.kind is msgspec.UNSET:  # msgspec takes a struct without its tag
        raise Refused("request envelope: field `kind` is missing, expected 'request'", id=id)
    try:
        request = msgspec.msgpack.decode(frames[0], type=Request)
    except _UNREADABLE as error:
        raise Refused(f"request envelope: {error}", id=id) from error
    if request.session != session:
        raise Refused(
            f"the request is for session '{request.session}', this worker serves '{session}'; "
            "a controller must talk to the worker it started",
            id=id,
        )
    try:
        payload = msgspec.msgpack.decode(request.payload, type=PAYLOADS[request.command])
    except _UNREADABLE as error:
        raise Refused(f"payload of `{request.command}`: {error}", id=id) from error
    return Accepted(id=request.id, command=request.command, payload=payload)


def _check_version(theirs: Any, id: int | None) -> None:
    if type(theirs) is not int:
        raise Refused(f"field `protocol` is {theirs!r}, expected an integer version", id=id)
    if theirs != PROTOCOL_VERSION:
        older = "controller" if theirs < PROTOCOL_VERSION else "worker"
        raise Refused(
            f"the controller speaks protocol {theirs}, this worker speaks {PROTOCOL_VERSION}; "
            f"the {older} is older: install averse and averse-worker of one release (this worker: "
            f"{__version__})",
            id=id,
        )


def _readable_id(id: Any) -> int | None:
    return id if type(id) is int and 0 <= id <= LARGEST_EXACT_INTEGER else None
