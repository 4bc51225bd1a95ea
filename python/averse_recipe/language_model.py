"""Pretraining of the embedded GPT-2: warmup, stable, decay, so that any checkpoint can be finished.

The stable phase checkpoints every `checkpoint_tokens`; a finished model is a decay (learning rate
to zero) branched off a checkpoint. Resuming takes up the newest checkpoint.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from averse_recipe.head_loss import head_loss
from averse_recipe.segments import IGNORED, TokenisedReviews, batches, segment
from averse_recipe.tokenizer import CONTEXT, VOCABULARY


@dataclass(frozen=True, slots=True)
class Schedule:
    """Token counts and learning rates of one pretraining."""

    stable_tokens: int = 30_000_000
    decay_tokens: int = 8_000_000
    warmup_tokens: int = 400_000
    batch_tokens: int = 4096
    checkpoint_tokens: int = 2_000_000
    adam_rate: float = 3e-3
    muon_rate: float = 6e-3
    openings: int = 1
    seed: int = 0


def fresh_model(seed: int) -> GPT2LMHeadModel:
    """An untrained GPT-2: width 192, 4 layers, 4 heads, 128 positions, 2.6M parameters."""
    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=CONTEXT,
            n_embd=192,
            n_layer=4,
            n_head=4,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=1,
            use_cache=False,
            # Plain attention is a third faster than sdpa in a bf16 training step on a CPU.
            attn_implementation="eager",
        )
    )


def token_loss(model: GPT2LMHeadModel, inputs: Tensor, labels: Tensor) -> Tensor:
    """Mean negative log-likelihood over the labels that count, in nats; bf16 inside."""
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.transformer(input_ids=inputs, use_cache=False).last_hidden_state
        keep = labels != IGNORED
    return head_loss(hidden[keep], model.lm_head.weight, labels[keep])


class Pretraining:
    """Model, optimisers and place in the data of one pretraining."""

    def __init__(self, schedule: Schedule, muon: bool = True) -> None:
        self.schedule = schedule
        self.model = fresh_model(schedule.seed)
        self.model.train()
        hidden = [
            p
            for n, p in self.model.named_parameters()
            if p.ndim == 2 and n.startswith("transformer.h.")
        ]
        inside = {id(p) for p in hidden}
        rest = [p for p in self.model.parameters() if id(p) not in inside]
        self.optimisers: list[torch.optim.Optimizer] = []
        if muon:
            self.optimisers.append(
                torch.optim.Muon(
                    hidden, lr=schedule.muon_rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
                )
            )
        else:
            rest = rest + hidden
        self.optimisers.append(
            torch.optim.AdamW(
                rest, lr=schedule.adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
            )
        )
        self.peaks = [group["lr"] for o in self.optimisers for group in o.param_groups]
        self.step = 0
        self.tokens = 0
        self.seconds = 0.0

    def rate(self, factor: float) -> None:
        groups = [group for o in self.optimisers for group in o.param_groups]
        for group, peak in zip(groups, self.peaks, strict=True):
            group["lr"] = peak * factor

    def update(self, inputs: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
        """One optimiser step; returns the batch's loss."""
        began = time.perf_counter()
        loss = token_loss(self.model, torch.from_numpy(inputs), torch.from_numpy(labels))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += int((labels != IGNORED).sum())
        self.seconds += time.perf_counter() - began
        return loss.item()

    def save(self, path: Path) -> None:
        """Weights, optimiser state and counters as one safetensors file, replaced atomically."""
        tensors = {f"model.{n}": p.detach() for n, p in self.model.named_parameters()}
        for i, optimiser in enumerate(self.optimisers):
            for k, state in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{i}.{k}.{n}": v.clone() for n, v in state.items()}
        counters = {"step": self.step, "tokens": self.tokens, "seconds": self.seconds}
        save_file(tensors, path.with_suffix(".part"), {"counters": json.dumps(counters)})
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Loads a checkpoint that `save` wrote with the same schedule."""
        with safe_open(path, "pt") as file:
            counters = json.loads(file.metadata()["counters"])
        tensors = load_file(path)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(tensors[f"model.{name}"])
        for i, optimiser in enumerate(self.optimisers):
            state: dict[int, dict[str, Any]] = {}
            for name, tensor in tensors.items():
                if name.startswith(f"optimiser.{i}."):
                    _, _, k, field = name.split(".", 3)
                    state.setdefault(int(k), {})[field] = tensor
            full = optimiser.state_dict()
            optimiser.load_state_dict({"state": state, "param_groups": full["param_groups"]})
        self.step, self.tokens, self.seconds = (
            counters["step"],
            counters["tokens"],
            counters["seconds"],
        )


def stream(
    data: TokenisedReviews, schedule: Schedule, skip: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Endless batches, epoch after epoch from fixed seeds; the first `skip` are left out."""
    epoch = 0
    while True:
        rng = np.random.default_rng([schedule.seed, epoch])
        cut = segment(data, rng, schedule.openings)
        for batch in batches(cut, schedule.batch_tokens, rng):
            if skip > 0:
                skip -= 1
                continue
            yield batch
        epoch += 1


def control_threads(path: Path | None) -> None:
    """Takes the thread count from a control file where there is one."""
    if path is not None and path.exists():
        wanted = int(path.read_text().strip() or 1)
        if wanted != torch.get_num_threads():
            torch.set_num_threads(wanted)


def run(
    training: Pretraining,
    data: TokenisedReviews,
    work: Path,
    until: int,
    decay: int = 0,
    threads: Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Trains on until `until` tokens; the last `decay` of them with a falling learning rate.

    Checkpoints go to `work/checkpoints`, one log line every 25 steps to `work/pretraining.jsonl`,
    every 250 steps one to `say`.
    """
    schedule = training.schedule
    folder = work / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    due = (training.tokens // schedule.checkpoint_tokens + 1) * schedule.checkpoint_tokens
    losses: list[float] = []
    mark_tokens, mark_time = training.tokens, time.perf_counter()
    with (work / "pretraining.jsonl").open("a") as log:
        for inputs, labels in stream(data, schedule, training.step):
            if training.tokens >= until:
                break
            left = (until - training.tokens) / decay if decay else 1.0
            training.rate(min(1.0, (training.tokens + 1) / schedule.warmup_tokens, left))
            losses.append(training.update(inputs, labels))
            if not math.isfinite(losses[-1]):
                raise FloatingPointError(f"loss is {losses[-1]} at step {training.step}")
            if training.step % 25 == 0:
                control_threads(threads)
                now = time.perf_counter()
                speed = (training.tokens - mark_tokens) / (now - mark_time)
                row = {
                    "step": training.step,
                    "tokens": training.tokens,
                    "loss": round(sum(losses) / len(losses), 4),
                    "tokens_per_second": round(speed),
                    "eta_minutes": round((until - training.tokens) / speed / 60, 1),
                }
                log.write(json.dumps(row) + "\n")
                log.flush()
                losses.clear()
                if training.step % 250 == 0:
                    done = f"{training.tokens / 1e6:.1f} of {until / 1e6:.0f} M tokens"
                    say(
                        f"language-model: {done}, "
                        f"loss {row['loss']:.3f}, {row['eta_minutes']:.0f} minutes left"
                    )
                mark_tokens, mark_time = training.tokens, now
            if not decay and training.tokens >= due:
                training.save(folder / f"{due // 1_000_000:03d}M.safetensors")
                due += schedule.checkpoint_tokens


def export(model: GPT2LMHeadModel, folder: Path) -> None:
    """Writes config.json and fp16 model.safetensors; the tied head is stored once."""
    folder.mkdir(parents=True, exist_ok=True)
    half = fresh_model(0)
    half.load_state_dict(model.state_dict())
    half.half()
    half.config.use_cache = True
    half.generation_config.use_cache = True
    half.save_pretrained(folder)
