"""Trains a reward model on pairs of which one text is preferred, with TRL's RewardTrainer.

−log σ(r(chosen) − r(rejected))        Bradley–Terry, as in Ouyang et al. 2022, eq. 1
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.data.tokenise import token_ids
from averse_worker.engine.contract import Report
from averse_worker.models.policy import padding_token
from averse_worker.platform.device import Device
from averse_worker.training.stage import HELD_OUT, Trained, classifier_rows, logits_of
from averse_worker.training.supervised import Plan, arguments_for, learn, scratch_folder

REWARD: str = "reward"
"""the one label of a reward model"""


PairForm = Literal["text", "prompted", "rendered"]
"""running texts; answers after a ready-made prompt, with control tokens where they are written; or
conversations by a chat template, which the tokenizer puts nothing around"""


@dataclass(frozen=True)
class Pair:
    """Two texts, prompt and all; the first is preferred."""

    chosen: str
    rejected: str
    form: PairForm = "text"


def train_reward_model(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: tuple[Sequence[Pair], Sequence[Pair]],
    plan_for: Callable[[int], Plan],
    max_tokens: int,
    device: Device,
    report: Report,
) -> Trained:
    """Trains `model`, of one label, in place; texts that are too long lose their beginning.

    Args:
        pairs: to learn from, and held out.
        plan_for: the plan of so many pairs.

    Raises:
        Diverged: a loss or gradient is NaN or infinite.
    """
    model.to(device.torch_device)
    pad = padding_token(tokenizer)
    report("import", 0, 1, "packages")
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    report("import", 1, 1, "packages")
    chosen, rejected = _rows(tokenizer, pairs[0], max_tokens)
    held_chosen, held_rejected = _rows(tokenizer, pairs[1], max_tokens)
    plan = plan_for(len(chosen))

    def margins(count: int, tick: Callable[[int], None] = lambda done: None) -> Tensor:
        both = [
            logits_of(model, rows[:count], pad, plan.batch, device, tick)[:, 0]
            for rows in (held_chosen, held_rejected)
        ]
        return both[0] - both[1]

    def measure() -> float:
        return float(-nn.functional.logsigmoid(margins(HELD_OUT)).mean())

    with scratch_folder() as folder:

        def trainer(watcher: Any) -> Any:
            return RewardTrainer(
                model=model,
                args=arguments_for(plan, device, folder, RewardConfig, max_length=None),
                train_dataset=Dataset.from_dict({"chosen_ids": chosen, "rejected_ids": rejected}),
                processing_class=tokenizer,
                callbacks=[watcher],
            )

        learned = learn(plan, trainer, model, measure if held_chosen else None, report)
    model.eval()
    if not held_chosen:
        return Trained(learned, {})

    def tick(done: int) -> None:
        report("score", done, len(held_chosen), "pairs")

    found = margins(len(held_chosen), tick)
    report("score", len(held_chosen), len(held_chosen), "pairs")
    figures = {
        "held_out_loss": float(-nn.functional.logsigmoid(found).mean()),
        "accuracy": float((found > 0).float().mean()),
    }
    return Trained(learned, figures)


def _rows(
    tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Pair], max_tokens: int
) -> tuple[list[list[int]], list[list[int]]]:
    def ids(texts: Sequence[str], form: PairForm) -> list[list[int]]:
        if form != "rendered":
            return classifier_rows(tokenizer, texts, max_tokens, markers=form == "prompted")
        rows = token_ids(tokenizer, texts, add_special_tokens=False)
        return [row[-max_tokens:] for row in rows]

    sides = []
    for side in ("chosen", "rejected"):
        found: list[list[int]] = [[]] * len(pairs)
        for form in get_args(PairForm):
            places = [i for i, pair in enumerate(pairs) if pair.form == form]
            if not places:
                continue
            rows = ids([getattr(pairs[i], side) for i in places], form)
            for i, row in zip(places, rows, strict=True):
                found[i] = row
        sides.append(found)
    return sides[0], sides[1]
