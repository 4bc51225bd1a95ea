"""Models of the sizes that matter, with random weights: nothing is downloaded, speed and memory do
not depend on what a model knows."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DistilBertConfig,
    GPT2Config,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    Qwen2Config,
)

from averse_bench.setting import BETA, Setting, load_payload, no_report, update_payload
from averse_worker.data.text import read_tokens
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.torch.learner import PpoLearner
from averse_worker.models.kernels.log_probs import TokenRule, forbidden_tokens
from averse_worker.models.policy import Policy
from averse_worker.platform.device import Device, open_device, quiet
from averse_worker.platform.files import ASSETS
from averse_worker.platform.ranks import ALONE
from averse_worker.rewards.class_output import ClassOutput
from averse_worker.rewards.classifier import TransformersReward
from averse_worker.rewards.combine import Component, Rewards
from averse_worker.rewards.scoring import Scorer
from averse_worker.rewards.transform import RewardTransform
from averse_worker.rollout.generate import Sampler
from averse_worker.wire.limits import read_loss_arrays
from averse_worker.wire.messages.base import float32_bytes
from averse_worker.wire.messages.load import LoadAdapter, LoadBackend
from averse_worker.wire.messages.training import RolloutSeconds

SEED: Final = 0


@dataclass(frozen=True)
class Scale:
    """An experiment's sizes."""

    name: str
    policy: PreTrainedConfig
    reward: PreTrainedConfig
    dtype: str
    lora_rank: int
    """0: all weights are trained"""
    batch: int
    prompt_tokens: int
    new_tokens: int
    minibatch: int
    epochs: int
    iterations: int
    """that the experiment has; 0: nothing is known of it"""

    @property
    def tokens(self) -> int:
        """Of a batch's prompts and completions."""
        return self.batch * (self.prompt_tokens + self.new_tokens)

    def summary(self) -> dict[str, Any]:
        """For the record."""
        own = {n: getattr(self, n) for n in self.__dataclass_fields__}
        return {n: v for n, v in own.items() if n not in ("name", "policy", "reward")} | {
            "model_type": self.policy.model_type
        }


_ENDS: Final[dict[str, Any]] = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}


def gpt2_imdb(dtype: str) -> Scale:
    """GPT-2 small and a DistilBERT at the settings of `configs/experiments/imdb-gen.yaml`."""
    policy = GPT2Config(**_ENDS)
    reward = DistilBertConfig(pad_token_id=1, num_labels=2)
    return Scale(f"gpt2-{dtype}", policy, reward, dtype, 0, 128, 64, 48, 32, 4, 194)


def lora(name: str, **shape: Any) -> Scale:
    """A model of Qwen 2.5's shape under LoRA in bfloat16, with a DistilBERT."""
    policy = Qwen2Config(max_position_embeddings=4096, **_ENDS, **shape)
    reward = DistilBertConfig(pad_token_id=1, num_labels=2)
    return Scale(f"{name}-lora", policy, reward, "bfloat16", 16, 64, 64, 48, 16, 4, 0)


def full_scales() -> list[Scale]:
    """What a GPU is measured at."""
    return [
        gpt2_imdb("bfloat16"),
        gpt2_imdb("float32"),
        lora(
            "1.5b",
            hidden_size=1536,
            num_hidden_layers=28,
            num_attention_heads=12,
            num_key_value_heads=2,
            intermediate_size=8960,
            vocab_size=151_936,
            tie_word_embeddings=True,
        ),
        lora(
            "7b",
            hidden_size=3584,
            num_hidden_layers=28,
            num_attention_heads=28,
            num_key_value_heads=4,
            intermediate_size=18_944,
            vocab_size=152_064,
            tie_word_embeddings=False,
        ),
    ]


def tiny_scales() -> list[Scale]:
    """The same kinds in seconds on a CPU, where their figures mean nothing."""
    small = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 4200}
    bert = DistilBertConfig(
        pad_token_id=1, num_labels=2, dim=32, n_layers=1, n_heads=2, hidden_dim=64, vocab_size=4200
    )
    gpt2 = replace(
        gpt2_imdb("float32"),
        policy=GPT2Config(**_ENDS | small),
        reward=bert,
        batch=8,
        prompt_tokens=6,
        new_tokens=12,
        minibatch=4,
        epochs=2,
    )
    qwen = replace(
        gpt2,
        name="tiny-lora",
        policy=Qwen2Config(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=64,
            vocab_size=4200,
            max_position_embeddings=64,
            **_ENDS,
        ),
        dtype="bfloat16",
        lora_rank=2,
        iterations=0,
    )
    return [gpt2, replace(gpt2, name="gpt2-bfloat16", dtype="bfloat16"), qwen]


class Trial:
    """A policy of one scale with its reward and optimizer, as the torch engine puts them
    together."""

    def __init__(self, scale: Scale, device: str, *, queued: bool | None = None) -> None:
        """
        Args:
            queued: in place of what the device says.
        """
        self.scale = scale
        self.device = opened(device, scale.dtype)
        if queued is not None:
            self.device = replace(self.device, queued=queued)
        tokenizer = _tokenizer(scale)
        self.policy = random_policy(scale, self.device, tokenizer)
        self.rewards = self._rewards(tokenizer)
        payload = load_payload(Setting(scale.batch, 1, scale.dtype))
        training = msgspec.structs.replace(
            payload.training,
            epochs=scale.epochs,
            minibatch=scale.minibatch,
            prefix_baseline=False,
            ema_decay=0.0,
            learning_rate=1.41e-5,
        )
        sampler = Sampler(scale.new_tokens)
        payload = msgspec.structs.replace(payload, training=training)
        self.learner = PpoLearner(self.policy, sampler, self.rewards, payload, ALONE)
        self._rollouts = 0

    @cached_property
    def prompts(self) -> Prompts:
        """Random tokens, all of the full length."""
        random, scale = np.random.default_rng(SEED), self.scale
        tokens = random.integers(10, 4000, (scale.batch, scale.prompt_tokens)).tolist()
        texts = read_tokens(self.policy.tokenizer, self.policy.end_tokens, tokens)
        return Prompts(np.arange(scale.batch, dtype=np.uint32), tokens, texts)

    def rollout(self) -> tuple[Any, RolloutSeconds]:
        """One batch: episodes, and the seconds of its phases."""
        self._rollouts += 1
        rows = np.arange(self.scale.batch)
        episodes, summary = self.learner.collect(
            self.prompts,
            np.zeros((1, self.scale.batch), np.float32),
            rows,
            self._rollouts,
            BETA,
            no_report,
            condition=None,
            untrained=self._rollouts == 1 and self.policy.starts_as_reference,
            moments={},
        )
        return episodes, summary.seconds

    def update(self, episodes: Any, weights: NDArray[np.float64] | None = None) -> dict[str, float]:
        """All epochs over the batch; the update's figures."""
        weights = np.ones(self.scale.batch) if weights is None else weights
        payload = update_payload(self._rollouts, SEED, weights=float32_bytes(weights))
        arrays = read_loss_arrays(payload, episodes.failed, critic=True)
        return self.learner.update(episodes, arrays, payload, no_report).figures

    @property
    def gradient_steps(self) -> int:
        """Of one update on the whole batch."""
        return self.scale.epochs * -(-self.scale.batch // self.scale.minibatch)

    def _rewards(self, tokenizer: PreTrainedTokenizerBase) -> Rewards:
        model = random_model(self.scale.reward, self.device, _classifier)
        output = ClassOutput("logit", (1,), multi_label=False)
        scorer = TransformersReward(model, copy.deepcopy(tokenizer), output, 1, self.device, {})
        [reward] = load_payload(Setting(1, 1, self.scale.dtype)).rewards
        return Rewards([Component(reward.name, 1.0, Scorer(scorer, 0), RewardTransform(reward))])


def opened(device: str, dtype: str) -> Device:
    """The device, with frozen weights in the number format of its matrix products."""
    return open_device(
        LoadBackend(
            device=device,
            dtype=dtype,  # type: ignore[arg-type]
            frozen_dtype=None if dtype == "float32" else dtype,  # type: ignore[arg-type]
            # With more, a busy CPU's threads wait for one another; a GPU needs but one.
            threads=1,
            deterministic=False,
        )
    )


def random_policy(scale: Scale, device: Device, tokenizer: PreTrainedTokenizerBase) -> Policy:
    """A policy that is its own reference, as `models/load.py` makes it of a folder."""
    causal = random_model(scale.policy, device, _causal, trained=scale.lora_rank == 0)
    vocabulary, ends = scale.policy.vocab_size, (0,)
    rule = TokenRule(1.0, forbidden_tokens(1, ends, len(tokenizer), vocabulary), ends)
    adapter = None
    if scale.lora_rank:
        rank = scale.lora_rank
        adapter = LoadAdapter(kind="lora", rank=rank, alpha=2 * rank, dropout=0.0, targets=None)
    torch.manual_seed(SEED)
    return Policy(causal, tokenizer, rule, device, adapter=adapter)


def random_model(
    config: PreTrainedConfig,
    device: Device,
    make: Callable[[PreTrainedConfig, torch.dtype], nn.Module],
    *,
    trained: bool = False,
) -> Any:
    """A model made on the device itself, in float32 where it is to be trained."""
    dtype = torch.float32 if trained else device.frozen_dtype or torch.float32
    torch.manual_seed(SEED)
    with quiet(), device.torch_device:
        model = make(config, dtype)
    return model.to(device.torch_device)


def _causal(config: PreTrainedConfig, dtype: torch.dtype) -> nn.Module:
    return AutoModelForCausalLM.from_config(config, dtype=dtype)  # type: ignore[no-any-return]


def _classifier(config: PreTrainedConfig, dtype: torch.dtype) -> nn.Module:
    return AutoModelForSequenceClassification.from_config(config, dtype=dtype)  # type: ignore[no-any-return]


def _tokenizer(scale: Scale) -> PreTrainedTokenizerBase:
    """The built-in one; rows of the vocabulary beyond it have no token."""
    room = min(512, scale.reward.max_position_embeddings)
    found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        ASSETS / "language-model", model_max_length=room
    )
    return found


def parameter_count(policy: Policy) -> int:
    """Of the actor, adapters included."""
    return sum(p.numel() for p in policy.model.causal.parameters())


def copied_weights(policy: Policy) -> dict[str, Tensor]:
    """What is trained, on the CPU."""
    return {n: p.detach().float().cpu().clone() for n, p in policy.parameters.items()}
