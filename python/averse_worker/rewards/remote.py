"""A server as a reward: batches of texts as JSON, scores as JSON.

`averse`:   {"prompts": [...], "completions": [...], "columns": {name: [...]}} ─▶ {"rewards": [...]}
`openrlhf`: {"query": [...], "prompts": [...], "labels": [...]}              ─▶ {"rewards": [...]}

Rewards are numbers, one per text in their order; null is a failed one. The bearer token is in no
message: neither an exception nor a failure names it.
"""

import json
import math
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import numpy as np

from averse_worker.platform.http import (
    PASSING,
    QUOTED,
    is_loopback,
    read_token,
    refusal_words,
    require_address,
    retry_after,
)
from averse_worker.rewards.contract import Failed, Scores
from averse_worker.rewards.scored_text import Reading, ScoredText, UnavailableError
from averse_worker.wire.messages.load import HttpScorer

_LONGEST_ANSWER: Final = 64 * 1024 * 1024
"""bytes"""
_FAULT_OF_A_TEXT: Final = frozenset({400, 413, 422})


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
        if is_loopback(urlsplit(settings.url).hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def score_pairs(self, texts: Sequence[ScoredText]) -> Scores:
        """One request.

        Raises:
            UnavailableError: no answer, or one that says that no text can be scored now.
            ValueError: an answer that is not of the format.
        """
        body = json.dumps(self._request(texts), allow_nan=False).encode()
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
                "labels": [_json(text.columns.get("label")) for text in texts],
            }
        names = sorted(texts[0].columns) if texts else []
        columns = {name: [_json(text.columns.get(name)) for text in texts] for name in names}
        return {"prompts": prompts, "completions": completions, "columns": columns}

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        try:
            said = error.read(4 * QUOTED)
        except (OSError, HTTPException):
            said = b""
        words = refusal_words(self.url, error.code, error.reason, said, self._token)
        if error.code in _FAULT_OF_A_TEXT:
            return ValueError(words)
        again = error.code in PASSING
        return UnavailableError(
            words, again=again, after=retry_after(error.headers.get("Retry-After"))
        )

    def _read(self, answer: bytes, count: int) -> Scores:
        if len(answer) > _LONGEST_ANSWER:
            raise ValueError(f"{self.url} answered with more than {_LONGEST_ANSWER} bytes")
        expected = f'expected {{"rewards": [{count} numbers or null]}}'
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError) as error:
            start = answer[:QUOTED].decode("utf-8", "replace")
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
                    f"{self.url} answered {json.dumps(value)[:QUOTED]} as a reward; {expected}"
                )
            else:
                values[i] = self._sign * float(one)
        return Scores(values, failures)


def _json(value: Any) -> Any:
    """A column's value without NaN and infinities, which JSON does not have: null, as tables mean
    by NaN where a number is missing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_json(one) for one in value]
    if isinstance(value, dict):
        return {name: _json(one) for name, one in value.items()}
    return value


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def load_remote(settings: HttpScorer, key: str) -> HttpReward:
    """The server's client; nothing is sent yet.

    Raises:
        InputError: no address of a server, or one of another machine without encryption.
        MissingEnvironment: the variable with the token is not set.
    """
    require_address(
        settings.url,
        f"{key}.url",
        allow_insecure=settings.allow_insecure,
        permission=f"{key}.allow_insecure",
    )
    token = read_token(settings.token_env, f"{key}.token_env")
    return HttpReward(settings, token)
