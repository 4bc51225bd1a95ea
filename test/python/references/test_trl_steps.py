"""One step of the pinned TRL's RLOOTrainer and GRPOTrainer at the same completions and rewards.

The advantages of `test/risk/advantages.json` are the controller's (`test/risk/advantages.test.ts`
reads the same file) and must be TRL's; with them, an update of the worker must have the gradient of
TRL's own loss.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pytest
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoTokenizer
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from averse_worker.models.batches import PaddedPrompts, Responses
from averse_worker.models.policy import Policy
from averse_worker.platform.device import quiet
from averse_worker.rollout.collect import Episodes
from averse_worker.rollout.generate import Sampler, sample, uniforms
from averse_worker.training.ppo import Ppo
from payloads import load_payload
from plain import plain_model
from tiny_models import make_policy, update_once, write_policy

Kind = Literal["rloo", "grpo"]
TRAINERS: dict[Kind, tuple[Any, Any]] = {
    "rloo": (RLOOTrainer, RLOOConfig),
    "grpo": (GRPOTrainer, GRPOConfig),
}

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "risk" / "advantages.json").read_text(encoding="utf-8")
)

COMPLETIONS = 4
PROMPTS = [[0, 40, 50, 60], [0, 70]]
LENGTHS = [6, 5, 6, 4, 6, 3, 5, 2]
REWARDS = [1.5, -2.0, 0.0, 0.25, -0.5, 3.0, 3.0, 2.5]
TEMPERATURE = 0.8
# Of padding, and rows of the vocabulary without a token: the worker never samples them.
FORBIDDEN = torch.tensor([1, 320, 321, 322, 323])


def never(model: nn.Module) -> nn.Module:
    """The model, with the probability of what the worker never samples at 0."""

    def forbid(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        output.logits = output.logits.index_fill(-1, FORBIDDEN, -1e30)
        return output

    model.register_forward_hook(forbid)
    return model


def trl_trainer(
    kind: Kind,
    folder: Path,
    rewards: Sequence[float | None],
    completions: int,
    tokens: tuple[list[list[int]], list[list[int]]],
    **settings: Any,
) -> Any:
    """TRL's own, whose completions and rewards are these."""
    trainer_type, config_type = TRAINERS[kind]
    prompts, responses = tokens

    def reward(**_columns: Any) -> list[float | None]:
        return list(rewards)

    with quiet():
        trainer = trainer_type(
            model=never(plain_model(folder, torch.float64)),
            reward_funcs=reward,
            args=config_type(
                output_dir=str(folder / "trl"),
                per_device_train_batch_size=len(rewards),
                gradient_accumulation_steps=1,
                num_generations=completions,
                temperature=TEMPERATURE,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                report_to=[],
                **settings,
            ),
            train_dataset=Dataset.from_list([{"prompt": "a"}] * len(rewards)),
            processing_class=AutoTokenizer.from_pretrained(folder),
        )
    logprobs = () if kind == "rloo" else (None,)
    trainer._tokenize_prompts = lambda _prompts: (prompts, None, {})
    trainer._generate_single_turn = lambda *_: (responses, *logprobs) if logprobs else responses
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def batch_of(trainer: Any, count: int) -> dict[str, Tensor]:
    batch: dict[str, Tensor] = trainer._generate_and_score_completions([{"prompt": "a"}] * count)
    return batch


@pytest.mark.parametrize("name", ["rloo", "grpo group", "grpo batch", "grpo none"])
def test_the_advantages_of_the_controller_are_those_of_trl(name: str, tmp_path: Path) -> None:
    folder = write_policy(tmp_path, "llama")
    kind, _, scale = name.partition(" ")
    for case in CASES:
        rewards, count = case["rewards"], len(case["rewards"])
        settings = {"scale_rewards": scale} if scale else {}
        trainer = trl_trainer(
            "rloo" if kind == "rloo" else "grpo",
            folder,
            rewards,
            case["completions"],
            ([[0, 40]] * count, [[50, 60]] * count),
            beta=0.0,
            **settings,
        )
        found = batch_of(trainer, count)["advantages"]
        torch.testing.assert_close(
            found.double(), torch.tensor(case[name], dtype=torch.float64), rtol=1e-5, atol=1e-6
        )


class Step:
    """Episodes that a policy drew, and TRL's trainer for the same."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = write_policy(tmp_path / "one", "llama", seed=0)
        self.reference = write_policy(tmp_path / "other", "llama", seed=1)
        self.policy = make_policy(
            self.folder,
            self.reference,
            rollout__temperature=TEMPERATURE,
            training__critic=False,
        )
        self.prompts = [prompt for prompt in PROMPTS for _ in range(COMPLETIONS)]
        self.episodes = drawn(self.policy, self.prompts)
        tokens = self.episodes.responses.tokens.tolist()
        lengths = self.episodes.responses.lengths.tolist()
        assert len(set(lengths)) > 2, "all responses are of one length: a weak test"
        self.responses = [row[:n] for row, n in zip(tokens, lengths, strict=True)]

    def trl(
        self, kind: Kind, beta: float, **settings: Any
    ) -> tuple[NDArray[np.float64], nn.Module]:
        """Advantages, and the model with the gradients of one step."""
        trainer = trl_trainer(
            kind,
            self.folder,
            REWARDS,
            COMPLETIONS,
            (self.prompts, self.responses),
            beta=beta,
            **settings,
        )
        trainer.ref_model = never(plain_model(self.reference, torch.float64))
        batch = batch_of(trainer, len(REWARDS))
        trainer.model.train()
        trainer._compute_loss(trainer.model, batch).backward()
        return batch["advantages"].double().numpy(), trainer.model

    def own(self, advantages: NDArray[np.float64], **settings: Any) -> None:
        """Leaves the gradients of an update with these advantages in the policy."""
        changes = {"epochs": 1, "minibatch": 8, "max_grad_norm": 1e9, "learning_rate": 0}
        training = load_payload(**{f"training__{k}": v for k, v in changes.items()}).training
        update_once(Ppo(self.policy, training, 0), self.episodes, advantages=advantages, **settings)

    def returns(self, beta: float) -> NDArray[np.float64]:
        """R̄ = r − β·Σ(log π − log π_ref), as a rollout answers it."""
        valid = self.episodes.responses.valid()
        apart = self.episodes.log_probs - self.episodes.reference_log_probs
        kl = torch.where(valid, apart, 0.0).sum(1).double().numpy()
        found: NDArray[np.float64] = np.array(REWARDS) - beta * kl
        return found


def drawn(policy: Policy, prompts: list[list[int]]) -> Episodes:
    padded = PaddedPrompts.of(prompts, policy.pad_token, policy.device.torch_device)
    sampler = Sampler(max(LENGTHS), 0)
    draws = uniforms(3, len(prompts), sampler.new_tokens)
    found = sample(policy, padded, draws, sampler, lambda done, total: None).responses
    responses = Responses(found.tokens, torch.minimum(found.lengths, torch.tensor(LENGTHS)))
    with torch.no_grad():
        own = policy.evaluate(policy.model, padded, responses, 0).log_probs
        with policy.reference() as model:
            other = policy.evaluate(model, padded, responses, 0).log_probs
    return Episodes(padded, responses, own, other, None, np.zeros(len(prompts), bool))


def gradients_agree(policy: Policy, other: nn.Module) -> None:
    """Within 1e-5 of the largest gradient."""
    expected = dict(other.named_parameters())
    assert policy.parameters.keys() == expected.keys()
    largest = max(float(p.grad.abs().max()) for p in expected.values() if p.grad is not None)
    assert largest > 1e-3
    for name, parameter in policy.parameters.items():
        found, wanted = parameter.grad, expected[name].grad
        assert found is not None, name
        assert wanted is not None, name
        apart = float((found.double() - wanted).abs().max()) / largest
        assert apart < 1e-5, f"{name}: {apart:.1e} of the largest gradient"


def leave_one_out(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    groups = returns.reshape(-1, COMPLETIONS)
    others = (groups.sum(1, keepdims=True) - groups) / (COMPLETIONS - 1)
    return (groups - others).ravel()


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_a_step_of_rloo_is_that_of_trl(tmp_path: Path, beta: float) -> None:
    """The KL in the return, one mean over episodes of sums over tokens."""
    step = Step(tmp_path)
    theirs, model = step.trl("rloo", beta)
    ours = leave_one_out(step.returns(beta))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    step.own(ours, aggregation="seq-mean-token-sum")
    gradients_agree(step.policy, model)


@pytest.mark.parametrize("form", get_args(Literal["k3", "k3-corrected"]))
@pytest.mark.parametrize("beta", [0.0, 0.3])
@pytest.mark.parametrize("scale", ["group", "none"])
def test_a_step_of_grpo_is_that_of_trl(
    tmp_path: Path, scale: str, beta: float, form: Literal["k3", "k3-corrected"]
) -> None:
    """The KL in the loss, one mean over all tokens; TRL's default corrects k3."""
    step = Step(tmp_path)
    corrected = form == "k3-corrected"
    theirs, model = step.trl("grpo", beta, scale_rewards=scale, use_bias_correction_kl=corrected)
    groups = np.array(REWARDS).reshape(-1, COMPLETIONS)
    apart = groups - groups.mean(1, keepdims=True)
    divisor = 1 if scale == "none" else groups.std(1, ddof=1, keepdims=True) + 1e-4
    ours = (apart / divisor).ravel()
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    kl = {"kl_weights": np.ones(len(REWARDS)), "kl_form": form, "kl_coefficient": beta}
    step.own(ours, aggregation="token-mean", **(kl if beta else {}))
    gradients_agree(step.policy, model)


@pytest.mark.parametrize(
    ("loss_type", "aggregation"), [("grpo", "seq-mean-token-mean"), ("dapo", "token-mean")]
)
def test_ways_of_aggregating_are_loss_types_of_trl(
    tmp_path: Path, loss_type: str, aggregation: Any
) -> None:
    step = Step(tmp_path)
    advantages, model = step.trl("grpo", 0.2, loss_type=loss_type)
    step.own(
        advantages,
        aggregation=aggregation,
        kl_weights=np.ones(len(REWARDS)),
        kl_form="k3-corrected",
        kl_coefficient=0.2,
    )
    gradients_agree(step.policy, model)
