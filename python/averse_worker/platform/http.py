"""Addresses, tokens and refusals of servers that the worker speaks JSON with."""

import email.utils
import ipaddress
import os
import time
from typing import Final
from urllib.parse import urlsplit

from averse_worker.wire.errors import InputError, MissingEnvironment

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""statuses after which the same request may succeed"""
QUOTED: Final = 200
"""characters of an answer in a message"""
_LONGEST_WAIT: Final = 300.0
"""seconds that a server's Retry-After counts at most"""


def require_address(url: str, key: str, *, allow_insecure: bool, permission: str) -> None:
    """Refuses what is no address, or one of another machine without encryption.

    Args:
        key: path of the address in the configuration.
        permission: path of what allows an unencrypted connection.

    Raises:
        InputError: with `key`.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"{key} is '{url}'; expected an address that begins with http:// or https://", key=key
        )
    if parts.username or parts.password:
        raise InputError(
            f"{key} has a name or password in it; put a token into an environment variable and "
            f"name that in {key.rpartition('.')[0]}.token_env",
            key=key,
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname) and not allow_insecure:
        raise InputError(
            f"{key} is an unencrypted connection to {parts.hostname}; use https, or set "
            f"{permission} to true",
            key=key,
        )


def read_token(variable: str | None, key: str) -> str | None:
    """The token in an environment variable; None: none is named.

    Raises:
        MissingEnvironment: the variable is not set, or empty.
    """
    if variable is None:
        return None
    token = os.environ.get(variable)
    if not token:
        raise MissingEnvironment(
            f"{key} is {variable}, and the worker's environment has no such variable, or an empty "
            "one; set it to the token",
            key=key,
        )
    return token


def refusal_words(url: str, status: int, reason: str, body: bytes, token: str | None) -> str:
    """What a server answered in place of a result, in one line and without the token."""
    said = " ".join(body.decode("utf-8", "replace").split())[:QUOTED]
    words = f"{url} answered {status} {reason}".rstrip() + (f": {said}" if said else "")
    return words if token is None else words.replace(token, "[redacted]")


def retry_after(value: str | None) -> float:
    """Seconds, of a header that has them or a date; 0: there is none."""
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(seconds, 0.0), _LONGEST_WAIT) if seconds == seconds else 0.0


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
