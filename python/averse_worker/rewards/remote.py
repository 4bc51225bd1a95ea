"""A server as a reward: batches of texts as JSON, scores as JSON.

`averse`:   {"prompts": [...], "completions": [...], "columns": {name: [...]}} ─▶ {"rewards": [...]}
`openrlhf`: {"query": [...], "prompts": [...], "labels": [...]}              ─▶ {"rewards": [...]}

Rewards are numbers, one per text in their order; null is a failed one. The bearer token is in no
message: neither an exception nor a failure names it.
"""

import email.utils
import ipaddress
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import numpy as np

from averse_worker.rewards.contract import Failed, Scores
from averse_worker.rewards.scored_text import Reading, ScoredText, UnavailableError
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.messages.load import HttpScorer

_LONGEST_ANSWER: Final = 64 * 1024 * 1024
"""bytes"""
_WAIT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""statuses after which the same request may succeed"""
_FAULT_OF_A_TEXT: Final = frozenset({400, 413, 422})
_QUOTED: Final = 200
"""characters of an answer in a message"""
_LONGEST_WAIT: Final = 300.0
"""seconds that a server's Retry-After counts at most"""


class HttpReward:
    """Sign × what a server answers."""

    batch: Final = 64

    def __init__(self, settings: HttpScorer, token: str | None) -> None:
        self.url = settings.url
        self._format: Literal["averse", "openrlhf"] = settings.format
        self._text: Reading = settings.text
        self._sign = settings.sign
        self._timeout = settings.timeout_seconds or None
        self._token = token
        # A redirection would send the texts, and the token, to who knows whom.
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if _is_loopback(urlsplit(settings.url).hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def score_pairs(self, texts: Sequence[ScoredText]) -> Scores:
        """One request.

        Raises:
            UnavailableError: no answer, or one that says that no text can be scored now.
            ValueError: an answer that is not of the format.
        """
        body = json.dumps(self._request(texts)).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self.url, body, headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                found = answer.read(_LONGEST_ANSWER + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            words = str(reason) or type(reason).__name__
            raise UnavailableError(f"{self.url} gave no answer: {words}", again=True) from None
        return self._read(found, len(texts))

    def _request(self, texts: Sequence[ScoredText]) -> dict[str, Any]:
        pairs = [text.pair(self._text) for text in texts]
        prompts = [prompt for prompt, _ in pairs]
        completions = [completion for _, completion in pairs]
        if self._format == "openrlhf":
            return {
                "query": [str(text.read(self._text)) for text in texts],
                "prompts": prompts,
                "labels": [text.columns.get("label") for text in texts],
            }
        names = sorted(texts[0].columns) if texts else []
        columns = {name: [text.columns.get(name) for text in texts] for name in names}
        return {"prompts": prompts, "completions": completions, "columns": columns}

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        try:
            said = " ".join(error.read(4 * _QUOTED).decode("utf-8", "replace").split())[:_QUOTED]
        except (OSError, HTTPException):
            said = ""
        words = f"{self.url} answered {error.code} {error.reason}" + (f": {said}" if said else "")
        if self._token is not None:
            words = words.replace(self._token, "[redacted]")
        if error.code in _FAULT_OF_A_TEXT:
            return ValueError(words)
        again = error.code in _WAIT
        return UnavailableError(
            words, again=again, after=_retry_after(error.headers.get("Retry-After"))
        )

    def _read(self, answer: bytes, count: int) -> Scores:
        if len(answer) > _LONGEST_ANSWER:
            raise ValueError(f"{self.url} answered with more than {_LONGEST_ANSWER} bytes")
        expected = f'expected {{"rewards": [{count} numbers or null]}}'
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError) as error:
            start = answer[:_QUOTED].decode("utf-8", "replace")
            raise ValueError(f"{self.url} answered '{start}'; {expected}") from error
        rewards = found.get("rewards") if isinstance(found, dict) else None
        if not isinstance(rewards, list):
            raise ValueError(f"{self.url} answered JSON without a list `rewards`; {expected}")
        if len(rewards) != count:
            raise ValueError(f"{self.url} answered {len(rewards)} rewards; {expected}")
        values = np.full(count, np.nan, dtype=np.float32)
        failures: dict[int, Failed] = {}
        for i, value in enumerate(rewards):
            # OpenRLHF's own server has each in a list.
            one = value[0] if isinstance(value, list) and len(value) == 1 else value
            if one is None:
                failures[i] = Failed("not-finite", f"{self.url} answered null")
            elif isinstance(one, bool) or not isinstance(one, int | float):
                raise ValueError(
                    f"{self.url} answered {json.dumps(value)[:_QUOTED]} as a reward; {expected}"
                )
            else:
                values[i] = self._sign * float(one)
        return Scores(values, failures)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _retry_after(value: str | None) -> float:
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


def load_remote(settings: HttpScorer, key: str) -> HttpReward:
    """The server's client; nothing is sent yet.

    Raises:
        InputError: no address of a server, or one of another machine without encryption.
        MissingEnvironment: the variable with the token is not set.
    """
    parts = urlsplit(settings.url)
    where = f"{key}.url"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"{where} is '{settings.url}'; expected an address that begins with http:// or https://",
            key=where,
        )
    if parts.username or parts.password:
        raise InputError(
            f"{where} has a name or password in it; put a token into an environment variable and "
            f"name that in {key}.token_env",
            key=where,
        )
    plain = parts.scheme == "http" and not _is_loopback(parts.hostname)
    if plain and not settings.allow_insecure:
        raise InputError(
            f"{where} is an unencrypted connection to {parts.hostname}; use https, or set "
            f"{key}.allow_insecure to true",
            key=where,
        )
    token = None
    if settings.token_env is not None:
        token = os.environ.get(settings.token_env)
        if not token:
            raise MissingEnvironment(
                f"{key}.token_env is {settings.token_env}, and the worker's environment has no "
                "such variable, or an empty one; set it to the token",
                key=f"{key}.token_env",
            )
    return HttpReward(settings, token)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
