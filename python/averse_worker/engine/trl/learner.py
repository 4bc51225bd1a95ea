"""Rolls out and updates a policy with one of TRL's trainers."""

import copy
import math
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers.trainer_callback import PrinterCallback
from trl import GRPOConfig, RLOOConfig

from averse_worker.data.text import Text
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.contract import Report
from averse_worker.engine.options import OF_GRPO, TrlOptions
from averse_worker.engine.torch.loaded import Loaded
from averse_worker.engine.trl.meeting import Meeting
from averse_worker.engine.trl.trainers import (
    STEPS,
    Rolled,
    RolloutCommand,
    SeamedGrpo,
    SeamedRloo,
    Seat,
    UpdateCommand,
    Updated,
)
from averse_worker.models.batches import Responses
from averse_worker.models.descent import optimizer_state, put_optimizer_state
from averse_worker.models.policy import Policy
from averse_worker.platform.device import quiet
from averse_worker.platform.files import temporary_folder
from averse_worker.platform.finite import check_finite, require_finite
from averse_worker.rewards.combine import Moments, Rewarded
from averse_worker.rollout.collect import (
    Episodes,
    RolloutSummary,
    checked_returns,
    full_texts,
    scored_texts,
)
from averse_worker.training.ppo import UpdateSummary
from averse_worker.wire.errors import InputError
from averse_worker.wire.limits import LossArrays
from averse_worker.wire.messages.training import RolloutSeconds, UpdatePayload


class TrlLearner:
    """Implements `engine/torch/learner.py`'s Learner; the trainer's loop begins with the first
    rollout, and anew after `close`."""

    def __init__(self, loaded: Loaded, policy: Policy, options: TrlOptions) -> None:
        self._loaded, self._policy, self._options = loaded, policy, options
        self._meeting: Meeting | None = None
        self._optimizer: torch.optim.Optimizer | None = None
        self._moments: dict[str, Tensor] = {}
        """that the optimizer takes up once there is one"""

    def collect(
        self,
        prompts: Prompts,
        scores: NDArray[np.float32],
        rows: NDArray[np.intp],
        seed: int,
        kl_coefficient: float | None,
        report: Report,
        *,
        condition: int | None,
        untrained: bool,
        moments: Moments,
    ) -> tuple[Episodes, RolloutSummary]:
        """Completions and log-probabilities are TRL's, everything else is as `Collector` has it.

        Raises:
            Diverged: weights, log-probabilities or returns are not finite.
        """
        self._require_supported(condition)
        require_finite(self._policy.parameters)
        rewards, alone = self._loaded.rewards, scores[:, rows]
        texts: list[Text] = []
        found: Rewarded | None = None
        after = moments

        def score(responses: Responses) -> list[float | None]:
            nonlocal found, after
            texts.extend(full_texts(self._policy, prompts, rows, responses))
            total = len(texts) * len(rewards.components)
            report("reward", 0, total, "texts")
            parts = rewards.score(
                scored_texts(prompts, rows, texts),
                lambda done, of: report("reward", done, of, "texts"),
            )
            report("reward", total, total, "texts")
            after = rewards.observed(parts, alone, moments)
            found = rewards.rewarded(parts, alone, after)
            return [
                None if failed else float(value)
                for value, failed in zip(found.trained, found.failed, strict=True)
            ]

        command = RolloutCommand(
            [prompts.tokens[row] for row in rows],
            [str(prompts.texts[row]) for row in rows],
            seed,
            score,
            report,
        )
        rolled: Rolled = self._ask(command)
        assert found is not None
        log_ratios = rolled.log_probs - rolled.reference_log_probs
        check_finite(log_ratios, "log-probabilities")
        training = self._loaded.payload.training
        lengths = rolled.responses.lengths
        _, discounted = checked_returns(
            found, log_ratios, lengths, kl_coefficient or 0.0, training.gamma
        )
        episodes = Episodes(
            rolled.prompts,
            rolled.responses,
            rolled.log_probs,
            rolled.reference_log_probs,
            None,
            found.failed,
        )
        return episodes, RolloutSummary(
            reward=found.combined,
            components=found.parts,
            trained=found.contributions,
            kl=log_ratios.sum(1).cpu().numpy(),
            returns=discounted.cpu().numpy(),
            lambda_returns=None,
            lengths=lengths.cpu().numpy().astype(np.uint32),
            texts=texts,
            moments=after,
            entropy=None,
            seconds=RolloutSeconds(
                sample=rolled.sample_seconds,
                reference=rolled.reference_seconds,
                reward=rolled.reward_seconds,
            ),
        )

    def update(
        self, episodes: Episodes, arrays: LossArrays, settings: UpdatePayload, report: Report
    ) -> UpdateSummary:
        """TRL's steps with the advantages sent.

        Raises:
            InputError: the update has a KL loss, which TRL has in another form.
            Diverged: a weight, loss or gradient is NaN or infinite; that step was not applied.
        """
        if arrays.kl_weights is not None:
            raise InputError(
                "the update has KL weights, which the trl engine does not take; set kl.form to "
                "return, or kl.beta to 0 and backend.engine_options.beta to TRL's coefficient",
                key="kl.form",
            )
        training = self._loaded.payload.training
        require_finite(self._policy.parameters)
        taking = arrays.taking_part
        steps = settings.steps_per_epoch or math.ceil(taking.size / training.minibatch)
        total = steps * training.epochs
        report("update", 0, total, "steps")
        done: Updated = self._ask(
            UpdateCommand(
                arrays,
                settings.loss_aggregation,
                steps,
                settings.seed,
                settings.learning_rate_factor,
                report,
            )
        )
        report("update", total, total, "steps")
        require_finite(self._policy.parameters)
        tokens = int(episodes.responses.lengths.cpu().numpy()[taking].sum())
        return UpdateSummary(done.figures, total, tokens * training.epochs)

    def state(self) -> dict[str, Tensor]:
        """The optimizer's state, `<parameter>|<field>` → tensor."""
        if self._optimizer is None:
            return self._moments
        return optimizer_state(self._optimizer, self._policy.parameters)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes up what `state` returned, on the parameters' device."""
        self.reset()
        self._moments = state

    def reset(self) -> None:
        """The next loop begins with fresh moments, of the parameters that the policy has then."""
        self.close()
        self._optimizer = None
        self._moments = {}

    def close(self) -> None:
        """Ends the trainer's loop; the optimizer stays for the next."""
        if self._meeting is not None:
            if self._meeting.alive:
                self._meeting.close()
            self._meeting = None

    def _require_supported(self, condition: int | None) -> None:
        if self._loaded.payload.training.critic:
            raise InputError(
                "the trl engine has no critic; set training.algorithm to grpo or rloo",
                key="training.critic",
            )
        if condition is not None:
            raise InputError(
                "the trl engine does not learn under conditions; set training.algorithm to grpo "
                "or rloo",
                key="training.algorithm",
            )

    def _ask(self, command: object) -> Any:
        if self._meeting is None or not self._meeting.alive:
            self._meeting = Meeting(self._run)
        return self._meeting.ask(command)

    # ── the loop's thread ───────────────────────────────────────────────────────────────────

    def _run(self, meeting: Meeting) -> None:
        policy = self._policy
        causal = policy.model.causal
        seat = Seat(policy)
        layers = [m for m in causal.modules() if isinstance(m, torch.nn.Dropout)]
        dropout = [layer.p for layer in layers]
        with temporary_folder("averse-trl-") as folder:
            seat.enter()
            try:
                with quiet():
                    trainer = self._trainer(str(folder), meeting, seat)
                trainer.train()
            finally:
                seat.leave()
                seat.unwrap()
                for layer, p in zip(layers, dropout, strict=True):
                    layer.p = p
                if self._loaded.payload.policy.gradient_checkpointing:
                    causal.gradient_checkpointing_disable()

    def _trainer(self, folder: str, meeting: Meeting, seat: Seat) -> Any:
        options, on_grpo = self._options, self._options.trainer == "grpo"
        config, trainer_class = (GRPOConfig, SeamedGrpo) if on_grpo else (RLOOConfig, SeamedRloo)
        trainer = trainer_class(
            model=self._policy.model.causal,
            reward_funcs=[_unasked],
            args=config(output_dir=folder, **self._arguments()),
            train_dataset=Dataset.from_dict({"prompt": [""]}),
            # A copy: the trainer gives it a padding token, which exports would keep.
            processing_class=copy.deepcopy(self._policy.tokenizer_as_loaded),
            optimizers=(self._optimizer, None),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.meet(self._policy, meeting, seat, self._took_optimizer, options.beta)
        if isinstance(trainer, SeamedGrpo):
            trainer.fixed_loss = options.loss_type
        return trainer

    def _took_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        if self._optimizer is not optimizer:
            self._optimizer = optimizer
            put_optimizer_state(optimizer, self._policy.parameters, self._moments)
            self._moments = {}

    def _arguments(self) -> dict[str, Any]:
        """What the experiment says in TRL's words, and the options over it."""
        payload, device = self._loaded.payload, self._policy.device
        training, rollout = payload.training, payload.rollout
        micro = min(training.microbatch or training.minibatch, training.minibatch)
        accumulated = math.ceil(training.minibatch / micro)
        on_gpu = device.torch_device.type == "cuda"
        given = {
            name: value
            for name in TrlOptions.__struct_fields__
            if name not in ("trainer", "beta", "loss_type")
            and (name not in OF_GRPO or self._options.trainer == "grpo")
            and (value := getattr(self._options, name)) is not None
        }
        own = {
            "per_device_train_batch_size": micro,
            "gradient_accumulation_steps": accumulated,
            "steps_per_generation": 2 * accumulated,
            "num_generations": 2,
            "num_iterations": training.epochs,
            "max_completion_length": rollout.new_tokens,
            "generation_kwargs": {"min_new_tokens": rollout.min_new_tokens},
            "temperature": rollout.temperature,
            "top_k": rollout.top_k,
            "top_p": rollout.top_p,
            "beta": 0.0,
            "epsilon": training.clip_ratio,
            "learning_rate": training.learning_rate,
            "max_grad_norm": training.max_grad_norm,
            "max_steps": STEPS,
            "gradient_checkpointing": payload.policy.gradient_checkpointing,
            "bf16": device.dtype == torch.bfloat16,
            "fp16": device.dtype == torch.float16 and on_gpu,
            "use_cpu": device.torch_device.type == "cpu",
            "dataloader_pin_memory": False,
            "logging_strategy": "no",
            "logging_nan_inf_filter": False,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
        }
        return own | given


def _unasked(**_: Any) -> list[float]:
    raise AssertionError("each rollout brings a reward function of its own")
