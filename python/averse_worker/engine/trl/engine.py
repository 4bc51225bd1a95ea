"""The engine whose loop is TRL's: GRPOTrainer or RLOOTrainer samples and steps.

Loading, data, rewards, evaluation, fine-tuning, checkpoints and exports are the torch engine's.
"""

import logging

from averse_worker.engine.options import read_trl_options
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.engine.torch.loaded import MakeLearner
from averse_worker.engine.trl.learner import TrlLearner
from averse_worker.wire.messages.load import LoadPayload


class TrlEngine(TorchEngine):
    """Implements `averse_worker.engine.contract.Engine`."""

    name = "trl"

    def __init__(self) -> None:
        super().__init__()
        # It warns of failed rewards, with texts; failures are reported in messages of our own.
        logging.getLogger("trl").setLevel(logging.ERROR)

    def _learner_for(self, payload: LoadPayload) -> MakeLearner:
        options = read_trl_options(payload.engine_options)
        return lambda loaded, policy: TrlLearner(loaded, policy, options)
