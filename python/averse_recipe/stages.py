"""The stages of the recipe: each makes one asset and skips what is already done."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, GPT2LMHeadModel

from averse_recipe.card import write_card
from averse_recipe.copies import CopyFinder
from averse_recipe.corpus import Review, SplitName, read_reviews
from averse_recipe.familiar import familiar_words
from averse_recipe.figures import classifier_figures, perplexity, prompt_figures
from averse_recipe.good_texts import make_good_texts
from averse_recipe.judge import judge_split, train_judge
from averse_recipe.language_model import Pretraining, Schedule, export, run
from averse_recipe.reward import train_reward
from averse_recipe.segments import TokenisedReviews, tokenise
from averse_recipe.tokenizer import load_tokenizer, train_tokenizer
from averse_worker.rewards.builtin.load import load_classifier

# Every so many test reviews one is measured for perplexity: 2,500 of 25,000.
HELD_OUT_STEP = 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where the data is, where assets go, and where intermediate work is kept."""

    data: Path
    out: Path
    work: Path
    schedule: Schedule = field(default_factory=Schedule)
    seed: int = 0
    say: Callable[[str], None] = print

    @property
    def model_folder(self) -> Path:
        return self.out / "language-model"

    def reviews(self, *splits: SplitName) -> list[Review]:
        return [review for split in splits for review in read_reviews(self.data, split)]

    def model(self) -> GPT2LMHeadModel:
        model = AutoModelForCausalLM.from_pretrained(
            self.model_folder, dtype=torch.float32, attn_implementation="eager"
        )
        assert isinstance(model, GPT2LMHeadModel)
        return model.eval()


def make_tokenizer(recipe: Recipe) -> None:
    """The tokenizer, and the tokenised train and unsup reviews in the work folder."""
    texts = [review.text for review in recipe.reviews("train", "unsup")]
    recipe.say(f"tokenizer: learning from {len(texts):,} reviews")
    tokenizer = train_tokenizer(texts)
    tokenizer.save_pretrained(recipe.model_folder)
    recipe.say("tokenizer: encoding the reviews")
    tokenise(tokenizer, texts).save(recipe.work / "tokens.npz")


def make_language_model(recipe: Recipe) -> None:
    """Pretrains from the newest checkpoint of the work folder on, then decays and exports."""
    tokens = recipe.work / "tokens.npz"
    if not tokens.is_file():
        raise FileNotFoundError(f"{tokens}: run the tokenizer stage first")
    data = TokenisedReviews.load(tokens)
    schedule = recipe.schedule
    training = Pretraining(schedule)
    checkpoints = sorted((recipe.work / "checkpoints").glob("*.safetensors"))
    if checkpoints:
        recipe.say(f"language-model: resuming from {checkpoints[-1].name}")
        training.load(checkpoints[-1])
    threads = recipe.work / "threads"
    run(training, data, recipe.work, schedule.stable_tokens, 0, threads, recipe.say)
    whole = training.tokens + schedule.decay_tokens
    run(training, data, recipe.work, whole, schedule.decay_tokens, threads, recipe.say)
    export(training.model, recipe.model_folder)
    made = {"tokens": training.tokens / 1e6, "minutes": training.seconds / 60}
    (recipe.work / "pretraining.json").write_text(json.dumps(made) + "\n")


def make_reward(recipe: Recipe) -> None:
    """The n-gram classifier."""
    recipe.say("reward: training, about a minute")
    train_reward(recipe.reviews("train"), recipe.out / "reward", recipe.seed)


def make_judge(recipe: Recipe) -> None:
    """The text convolution."""
    training, _ = judge_split(recipe.reviews("test"))
    train_judge(training, recipe.out / "judge", recipe.seed, recipe.say)


def make_texts(recipe: Recipe) -> None:
    """The good class, checked against every review of the data set."""
    kept = recipe.work / "spans.npy"
    if kept.is_file():
        finder = CopyFinder(np.load(kept))
    else:
        recipe.say("good-texts: hashing every run of nine words of the reviews")
        finder = CopyFinder.of(r.text for r in recipe.reviews("train", "test", "unsup"))
        np.save(kept, finder.spans)
    make_good_texts(
        recipe.model(),
        load_tokenizer(recipe.model_folder),
        load_classifier(recipe.out / "reward"),
        finder,
        familiar_words(review.text for review in recipe.reviews("train")),
        recipe.out / "good-texts.jsonl",
        recipe.seed,
        recipe.say,
    )


def make_card(recipe: Recipe) -> None:
    """The figures and the model card."""
    recipe.say("card: measuring")
    tokenizer = load_tokenizer(recipe.model_folder)
    model = recipe.model()
    reward, judge = load_classifier(recipe.out / "reward"), load_classifier(recipe.out / "judge")
    test = recipe.reviews("test")
    held_out = [review.text for review in test[::HELD_OUT_STEP]]
    lines = (recipe.out / "good-texts.jsonl").read_text(encoding="utf-8").splitlines()
    good = [json.loads(line) for line in lines]
    good_test = [row["text"] for row in good if row["split"] == "test"]
    prompts = prompt_figures(reward, judge, tokenizer)
    figures: dict[str, Any] = {
        **json.loads((recipe.work / "pretraining.json").read_text()),
        "parameters": model.num_parameters() / 1e6,
        "perplexity": perplexity(model, tokenizer, held_out),
        "heldout": len(held_out),
        "good_perplexity": perplexity(model, tokenizer, good_test),
        "good_train": len(good) - len(good_test),
        "good_test": len(good_test),
        **classifier_figures(reward, judge, tokenizer, test, judge_split(test)[1]),
        **{name: value for name, value in prompts.items() if name != "tokens"},
        "tokens_range": prompts["tokens"],
    }
    (recipe.work / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    write_card(recipe.out, figures)


STAGES: dict[str, Callable[[Recipe], None]] = {
    "tokenizer": make_tokenizer,
    "language-model": make_language_model,
    "reward": make_reward,
    "judge": make_judge,
    "good-texts": make_texts,
    "card": make_card,
}


def run_stages(recipe: Recipe, names: list[str]) -> None:
    """Runs stages in order; a stage that is marked as done in the work folder is skipped."""
    recipe.out.mkdir(parents=True, exist_ok=True)
    recipe.work.mkdir(parents=True, exist_ok=True)
    for name in names:
        mark = recipe.work / f"{name}.done"
        if mark.exists():
            recipe.say(f"{name}: already done (remove {mark.name} in the work folder to rerun it)")
            continue
        began = time.monotonic()
        STAGES[name](recipe)
        mark.touch()
        recipe.say(f"{name}: done in {time.monotonic() - began:.0f} s")
    for path in recipe.out.rglob("*"):
        if path.is_file():
            # safetensors writes files that only their owner can read.
            path.chmod(0o644)
