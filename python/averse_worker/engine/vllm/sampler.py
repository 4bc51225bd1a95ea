"""Completions of a policy, drawn by a vLLM server that is given its weights for every rollout.

    weights ─▶ folder ─▶ server ─▶ tokens, log μ ─▶ forward pass here ─▶ log π, entropies, values

μ is what the server drew by: its kernels, its number format, top-k and top-p cut. π is the policy
as the update computes it. Their ratio goes with the episodes (`training/importance.py`).
"""

import shutil
import tempfile
import uuid
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from averse_worker.engine.options import VllmOptions
from averse_worker.engine.vllm.connection import Lost
from averse_worker.engine.vllm.server import Completion, Server, Wanted
from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.policy import Policy
from averse_worker.platform.time_limit import pause
from averse_worker.rollout.generate import Sampler, Samples
from averse_worker.rollout.reference import evaluated_samples
from averse_worker.store.export import export_policy
from averse_worker.wire.errors import InputError, MissingEnvironment

_NEVER: Final = -100.0
"""added to the logit of a forbidden token: the most that the server lets be added"""
_MOST_BIASES: Final = 1024
"""that the server takes, in one request"""
_FOREIGN: Final = 0.5
"""nats per token, by which no sampler of the same weights differs: half precision makes 0.01"""

Tick = Callable[[int, int], None]


class VllmSampler:
    """A `Source` of `Collector`; one for each policy."""

    def __init__(
        self, server: Server, policy: Policy, sampler: Sampler, options: VllmOptions
    ) -> None:
        """Looks whether the server can draw as this policy is learned.

        Raises:
            InputError: it cannot; with the configuration key.
        """
        self._server, self._options = server, options
        self._settings = request_settings(policy, sampler)

    def __call__(
        self, policy: Policy, prompts: PaddedPrompts, draws: Tensor, sampler: Sampler, tick: Tick
    ) -> Samples:
        """One response per prompt; `draws` decide the seeds of the requests.

        Raises:
            MissingEnvironment: the server is gone for good, or answers what it was not asked for.
        """
        total = draws.shape[0] * sampler.new_tokens

        def drawn(tokens: int = 0) -> None:
            tick(tokens, total)

        drawn()
        wanted = requests(prompts, draws)
        completions = self._complete(policy, wanted, drawn)
        device = policy.device.torch_device
        responses, log_probs = _padded(completions, policy.pad_token, device)
        samples = evaluated_samples(
            policy, prompts, responses, log_probs, sampler, lambda *_: tick(total, total)
        )
        if sampler.top_k == 0 and sampler.top_p == 1.0:
            self._require_own(samples)
        return samples

    def _complete(
        self, policy: Policy, wanted: list[Wanted], drawn: Callable[..., None]
    ) -> list[Completion]:
        """Once more with the weights handed over anew where the server was lost in between: nobody
        knows then which ones it has."""
        attempt = 0
        while True:
            try:
                version = self._hand_over(policy, drawn)
                found = self._server.complete(wanted, self._settings, drawn)
                self._server.require_version(version, drawn)
                return [one for completions in found for one in completions]
            except Lost as lost:
                if attempt >= self._options.retries:
                    raise MissingEnvironment(
                        f"a rollout was broken off {attempt + 1} times: {lost} "
                        f"(backend.engine_options.retries {self._options.retries}). Look into the "
                        "server's log, start it again and resume",
                        key="backend.engine_options.url",
                    ) from None
                attempt += 1
                pause(max(lost.after, 0.5), drawn)
                self._server.wait_until_up(drawn)

    def _hand_over(self, policy: Policy, alive: Callable[[], None]) -> str:
        """Gives the server the weights as they are; their name there."""
        version = f"averse-{uuid.uuid4().hex}"
        folder = Path(tempfile.mkdtemp(prefix=f"{version}-", dir=self._options.weights_folder))
        try:
            if self._options.weights_folder is not None:
                folder.chmod(0o755)  # the server may be another user's
            alive()
            export_policy(policy, folder)
            self._server.load_weights(folder, version, alive)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return version

    def _require_own(self, samples: Samples) -> None:
        """That the server has the policy's weights, as far as its completions show it."""
        assert samples.drawn_log_probs is not None
        apart = (samples.drawn_log_probs - samples.log_probs).sum()
        found = float(apart) / int(samples.responses.counts.sum())
        if not abs(found) <= _FOREIGN:
            raise MissingEnvironment(
                f"the completions of the vLLM server {self._server.url} are not those of the "
                f"policy: they differ by {found:.3g} nats per token, expected less than "
                f"{_FOREIGN:g}. Start it with the experiment's policy.model, unquantized",
                key="backend.engine_options.url",
            )


def request_settings(policy: Policy, sampler: Sampler) -> dict[str, Any]:
    """What every request says of how to draw: the policy's rule in the server's words.

    The server's own end tokens and defaults count for nothing: a completion ends where the policy's
    does. Forbidden tokens get a bias of -100, after which their probability is 0 in float32.

    Raises:
        InputError: the rule is one that the server has not; with the configuration key.
    """
    rule = policy.rule
    if sampler.min_new_tokens and len(policy.end_tokens) > 1:
        raise InputError(
            f"rollout.min_new_tokens is {sampler.min_new_tokens}, and the policy has "
            f"{len(policy.end_tokens)} end tokens: an end of turn may be the last of those that "
            "must come, which a vLLM server does not allow; set it to 0",
            key="rollout.min_new_tokens",
        )
    if len(rule.forbidden) > _MOST_BIASES:
        raise InputError(
            f"the policy has {len(rule.forbidden)} rows of vocabulary without a token, and a vLLM "
            f"server can be forbidden {_MOST_BIASES}; use another engine, or a model whose "
            "vocabulary is that of its tokenizer",
            key="policy.model",
        )
    return {
        "max_tokens": sampler.new_tokens,
        "min_tokens": sampler.min_new_tokens,
        "temperature": rule.temperature,
        "top_k": sampler.top_k,
        "top_p": sampler.top_p,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "ignore_eos": True,
        "stop_token_ids": list(policy.end_tokens),
        "skip_special_tokens": False,
        **({"logit_bias": {str(t): _NEVER for t in rule.forbidden}} if rule.forbidden else {}),
    }


def requests(prompts: PaddedPrompts, draws: Tensor) -> list[Wanted]:
    """One for each run of equal prompts, in their order.

    Args:
        draws: [B, T], an episode's own numbers; the seed of a request follows from its first's.
    """
    width = prompts.tokens.shape[1]
    both = zip(prompts.listed.tolist(), prompts.counts.tolist(), strict=True)
    rows = [row[width - count :] for row, count in both]
    found: list[Wanted] = []
    for place, row in enumerate(rows):
        if place > 0 and row == rows[place - 1]:
            last = found[-1]
            found[-1] = Wanted(last.prompt, last.completions + 1, last.seed)
        else:
            digest = sha256(draws[place].contiguous().numpy().tobytes()).digest()
            found.append(Wanted(row, 1, int.from_bytes(digest[:4], "little")))
    return found


def _padded(
    completions: list[Completion], pad: int, device: torch.device
) -> tuple[Responses, Tensor]:
    """Responses, and [B, T] the log-probabilities that they were drawn with, zero at padding."""
    longest = max(len(one.tokens) for one in completions)
    tokens = torch.full((len(completions), longest), pad, dtype=torch.long)
    log_probs = torch.zeros(tokens.shape)
    for row, one in enumerate(completions):
        count = len(one.tokens)
        tokens[row, :count] = torch.tensor(one.tokens)
        log_probs[row, :count] = torch.tensor(one.log_probs)
    lengths = torch.tensor([len(one.tokens) for one in completions])
    return Responses(tokens.to(device), lengths.to(device)), log_probs.to(device)
