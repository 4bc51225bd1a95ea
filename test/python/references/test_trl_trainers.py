"""The trl engine against the trainers themselves: with their own advantages sent back, its steps
are theirs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from averse_worker.data.text import Text
from averse_worker.engine.trl.engine import TrlEngine
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from payloads import load_payload, rollout_payload, update_payload
from tiny_models import no_report

pytestmark = pytest.mark.filterwarnings("ignore")

PROMPTS, COMPLETIONS, MINIBATCH, EPOCHS = 4, 2, 4, 2
SEED, SHUFFLE = 11, 5
# The keys' biases have no gradient but rounding, which Adam's own epsilon would blow up.
ADAM_EPSILON = 1e-5
TRAINERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "grpo": (GRPOTrainer, GRPOConfig, {"loss_type": "dapo"}),
    "rloo": (RLOOTrainer, RLOOConfig, {}),
}


def loaded(torch_load: LoadPayload, trainer: str, **changes: Any) -> tuple[TrlEngine, Any]:
    engine = TrlEngine()
    payload = load_payload(
        torch_load,
        training__critic=False,
        training__minibatch=MINIBATCH,
        training__epochs=EPOCHS,
        training__learning_rate=1e-4,
        engine_options={"trainer": trainer, "adam_epsilon": ADAM_EPSILON},
        **changes,
    )
    ids = uint32_array(engine.load(payload, no_report).train.ids)
    return engine, ids


def own_steps(
    trainer: str, model: str, prompts: list[str], scores: list[float], folder: Path, new_tokens: int
) -> tuple[Tensor, list[list[int]], dict[str, Tensor]]:
    """Advantages, completions and weights of the trainer alone, after all steps on one batch."""
    base, config, options = TRAINERS[trainer]
    seen: dict[str, Any] = {}

    class Seeded(base):  # type: ignore[misc]
        """With the random numbers of the engine's two commands, and nothing else changed."""

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            torch.manual_seed(SEED)
            output = super()._generate_and_score_completions(inputs)
            seen["advantages"] = output["advantages"].clone()
            torch.manual_seed(SHUFFLE)
            return output

    def reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
        seen["completions"] = [list(row) for row in completion_ids]
        return scores

    batch = PROMPTS * COMPLETIONS
    arguments = config(
        output_dir=str(folder),
        per_device_train_batch_size=MINIBATCH,
        steps_per_generation=batch // MINIBATCH,
        num_iterations=EPOCHS,
        num_generations=COMPLETIONS,
        max_completion_length=new_tokens,
        generation_kwargs={"min_new_tokens": 1},
        shuffle_dataset=False,
        beta=0.0,
        top_k=0,
        epsilon=0.2,
        learning_rate=1e-4,
        adam_epsilon=ADAM_EPSILON,
        lr_scheduler_type="constant",
        max_steps=batch // MINIBATCH * EPOCHS,
        disable_dropout=True,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        dataloader_pin_memory=False,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **options,
    )
    plain = Seeded(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        reward_funcs=reward,
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=AutoTokenizer.from_pretrained(model),
    )
    plain.train()
    weights = {name: p.detach().clone() for name, p in plain.model.named_parameters()}
    return seen["advantages"], seen["completions"], weights


@pytest.mark.parametrize("trainer", TRAINERS)
def test_with_the_trainers_own_advantages_the_steps_are_its_own(
    torch_load: LoadPayload, tmp_path: Path, trainer: str
) -> None:
    engine, ids = loaded(torch_load, trainer)
    assert engine._loaded is not None
    policy = engine._loaded.training.policy
    before = {name: p.detach().clone() for name, p in policy.parameters.items()}
    texts: list[Text] = engine._loaded.prompts["train"].prompts.texts[:PROMPTS]
    rolled = engine.rollout(
        rollout_payload(ids[:PROMPTS], completions=COMPLETIONS, seed=SEED), no_report
    )
    rewards = float32_array(rolled.reward).tolist()
    advantages, completions, expected = own_steps(
        trainer,
        torch_load.policy.model,
        [text.written for text in texts],
        rewards,
        tmp_path,
        torch_load.rollout.new_tokens,
    )
    # The same completions, so that the rewards handed over were theirs too.
    assert [len(row) for row in completions] == uint32_array(rolled.length).tolist()
    assert engine._loaded.training.episodes is not None
    drawn = engine._loaded.training.episodes.responses.tokens.tolist()
    for row, own in zip(drawn, completions, strict=True):
        assert row[: len(own)] == own
    assert advantages.abs().min() > 0
    aggregation: Any = "token-mean" if trainer == "grpo" else "seq-mean-token-sum"
    payload = update_payload(
        rolled.rollout, advantages=advantages.numpy(), aggregation=aggregation, seed=SHUFFLE
    )
    engine.update(payload, no_report)
    after = policy.parameters
    assert after.keys() == expected.keys()
    moved = 0.0
    for name, weights in expected.items():
        np.testing.assert_allclose(after[name].detach(), weights, rtol=0, atol=1e-6, err_msg=name)
        moved = max(moved, float((weights - before[name]).abs().max()))
    assert moved > 1e-4
