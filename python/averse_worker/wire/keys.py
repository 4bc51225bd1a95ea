"""The worker's CURVE keys for a connection over TCP, from the file that the controller wrote."""

import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import msgspec

Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}$")]
"""A 32-byte key in Z85 (ZeroMQ RFC 32)."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Keys of the controller and of this worker; Z85."""

    server_public: bytes
    client_public: bytes
    client_secret: bytes = field(repr=False)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    server_public: Key
    client_public: Key
    client_secret: Key


STANDARD_INPUT: Final = Path("-")
"""In place of a file: a launcher hands the keys on, so that they lie in no folder."""


def read_keys(path: Path) -> Keys:
    """Reads the file of one session, or standard input to its end.

    Raises:
        ValueError: it cannot be read, other users may read it, or it is not a key file. Never
            quotes its content.
    """
    source, content = (
        ("standard input", sys.stdin.buffer.read())
        if path == STANDARD_INPUT
        else (f"'{path}'", private_bytes(path))
    )
    try:
        keys = msgspec.json.decode(content, type=_File)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{source} is not a key file: {error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{source} is not a key file: it is not text") from None
    return Keys(
        server_public=keys.server_public.encode(),
        client_public=keys.client_public.encode(),
        client_secret=keys.client_secret.encode(),
    )


def private_bytes(path: Path) -> bytes:
    """What a file holds that nobody else may read.

    Raises:
        ValueError: it cannot be read, or other users may read it.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read the keys: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(
            f"the keys in '{path}' have mode {stat.S_IMODE(mode):03o}, so other users may have "
            "read them; expected 600: copy the file again under `umask 077`"
        )
    return content
