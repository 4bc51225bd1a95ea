"""The torch engine with completions that a vLLM server draws.

Rollouts alone are the server's. Loading, log-probabilities, rewards, updates, evaluation,
fine-tuning, checkpoints and exports are the torch engine's.
"""

from pathlib import Path
from typing import Final

import msgspec

from averse_worker.engine.contract import Report
from averse_worker.engine.limits import check_limits
from averse_worker.engine.options import read_vllm_options
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.engine.torch.learner import PpoLearner
from averse_worker.engine.torch.loaded import MakeLearner
from averse_worker.engine.vllm.connection import Lost
from averse_worker.engine.vllm.sampler import VllmSampler
from averse_worker.engine.vllm.server import Server, ServerFacts, require_room
from averse_worker.platform.http import read_token, require_address
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.limits import check_load
from averse_worker.wire.messages.load import LoadPayload, LoadResult

_OPTIONS: Final = "backend.engine_options"


class VllmEngine(TorchEngine):
    """Implements `averse_worker.engine.contract.Engine`."""

    name = "vllm"

    def load(self, payload: LoadPayload, report: Report) -> LoadResult:
        """As the torch engine's, once the server was found to be up and able to do its part."""
        check_load(payload)
        check_limits(self.facts, payload)
        options = read_vllm_options(payload.engine_options)
        require_address(
            options.url,
            f"{_OPTIONS}.url",
            allow_insecure=options.allow_insecure,
            permission=f"{_OPTIONS}.allow_insecure",
        )
        folder = options.weights_folder
        if folder is not None and not Path(folder).is_dir():
            raise InputError(
                f"{_OPTIONS}.weights_folder is {folder}, which is no folder here; make it, or "
                "correct the path",
                key=f"{_OPTIONS}.weights_folder",
            )
        self._server = Server(
            options.url,
            read_token(options.token_env, f"{_OPTIONS}.token_env"),
            connect_seconds=options.connect_seconds,
            timeout_seconds=options.timeout_seconds,
        )
        facts = self._facts(report)
        require_room(facts, payload.data.prompt_tokens, payload.rollout.new_tokens)
        result = super().load(payload, report)
        return msgspec.structs.replace(
            result,
            versions=result.versions | {"vllm server": facts.version},
            nondeterminism=[*result.nondeterminism, "completions are a vLLM server's"],
        )

    def _facts(self, report: Report) -> ServerFacts:
        try:
            return self._server.facts(lambda: report("load", 0, 0, "server"))
        except Lost as lost:
            raise MissingEnvironment(
                f"the vLLM server was lost while it was looked at: {lost}; look into its log",
                key=f"{_OPTIONS}.url",
            ) from None

    def _learner_for(self, payload: LoadPayload) -> MakeLearner:
        options = read_vllm_options(payload.engine_options)
        server, ranks = self._server, self._ranks
        return lambda loaded, policy: PpoLearner(
            policy,
            loaded.sampler,
            loaded.rewards,
            payload,
            ranks,
            VllmSampler(server, policy, loaded.sampler, options),
            options.importance_bound,
        )
