"""The model card: what the assets are, how good, and their checksums."""

import hashlib
from pathlib import Path
from typing import Any

CARD = "MODEL_CARD.md"

_TEXT = """\
# Model card of the embedded assets

Small models, a prompt grammar and sampled texts that let Averse run, and be tested, with no
download. `python -m averse_recipe --data DIR --out DIR` makes them again from the data set.

## What is here

| asset | what it is |
|---|---|
| `language-model/` | GPT-2 architecture: width 192, 4 layers, 4 heads, 128 positions, \
byte-level BPE of 4,096 pieces, tied embeddings, {parameters:.2f} M parameters, fp16 |
| `reward/` | linear classifier on hashed word 1- to 3-grams (2^18 buckets), raw logit, \
high = positive; needs no torch |
| `judge/` | text convolution over hashed words, raw logit; trained on other reviews than the \
reward, never trained against |
| `prompt-grammar.json` | the grammar of the built-in prompts (`averse_worker.data.builtin`), \
our own text |
| `good-texts.jsonl` | {good_train:,} train and {good_test:,} held-out texts: built-in prompts \
completed by the language model, chosen by the reward and by fluency |

## Figures

Language model: {tokens:.1f} M training tokens, {minutes:.0f} minutes on two shared CPU cores. \
Perplexity {perplexity:.1f} on the first 80 tokens of {heldout:,} reviews of the test split, none \
of which it was trained on, and {good_perplexity:.1f} on the held-out good texts. It writes fluent \
phrases and short sentences; it does not keep a story.

| classifier | whole reviews | first 64 tokens | checked on |
|---|---|---|---|
| reward | {reward_whole:.1%} | {reward_64:.1%} | the test split, 25,000 reviews |
| judge | {judge_whole:.1%} | {judge_64:.1%} | the 5,000 reviews of the test split kept back \
from it |

The reward is trained on the train split, the judge on 20,000 reviews of the test split: no review \
is common to them. On 64 tokens of the 5,000 reviews that neither has seen they agree in sign on \
{agreement_64:.1%} (correlation {correlation_64:.2f}); on the test prompts on \
{agreement_prompts:.1%} (correlation {correlation_prompts:.2f}).

Prompts: {count:,} openings, {openings:,} distinct by their first eight words; tokens \
(1 %, median, 99 %): {token_quantiles}; {at_most_32:.1%} have at most 32.

| grade | prompts | reward: 10 % | median | 90 % | share ≤ -2.5 | judge: median |
|---|---|---|---|---|---|---|
{grades}

## Data

The models are trained on the Large Movie Review Dataset. No review text is part of the assets: \
good texts that share nine words in a row with any review of the data set were dropped, and so \
were those whose completion holds a name or a coarse word, as far as a word list can tell.

> Andrew L. Maas, Raymond E. Daly, Peter T. Pham, Dan Huang, Andrew Y. Ng and Christopher Potts. \
2011. Learning Word Vectors for Sentiment Analysis. Proceedings of the 49th Annual Meeting of the \
Association for Computational Linguistics: Human Language Technologies, pages 142-150.

## Intended use and limits

For learning, testing and comparing fine-tuning methods on a computer without an accelerator. Not \
for judging real people's writing, and not for writing anything that will be read as a review. \
English film reviews only. The classifiers know words, not meaning: irony, quotation and negation \
over a distance mislead them, and a policy can learn to please the reward with praise that means \
nothing; that is what the judge is for. The language model may use coarse language, may name real \
people in invented sentences, and repeats the opinions and prejudices of its data. Furious prompts \
are hostile on purpose: they are the tail that risk-averse training is about. The films and people \
named in the prompts are invented; likeness of a name is chance.

## Files

| file | bytes | sha256 |
|---|---|---|
{files}
| all | {total:,} | |
"""


def write_card(folder: Path, figures: dict[str, Any]) -> None:
    """Writes the card for the assets in `folder`; KeyError where a figure is missing."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != CARD)
    files = "\n".join(
        f"| `{path.relative_to(folder).as_posix()}` | {path.stat().st_size:,} "
        f"| `{hashlib.sha256(path.read_bytes()).hexdigest()}` |"
        for path in paths
    )
    grades = "\n".join(
        f"| {grade} | {row['count']:,} | "
        + " | ".join(f"{value:.1f}" for value in row["reward"])
        + f" | {row['tail']:.1%} | {row['judge']:.1f} |"
        for grade, row in figures["grades"].items()
    )
    text = _TEXT.format(
        **{k: v for k, v in figures.items() if k not in ("grades", "tokens_range")},
        grades=grades,
        token_quantiles=", ".join(str(q) for q in figures["tokens_range"]),
        files=files,
        total=sum(path.stat().st_size for path in paths),
    )
    (folder / CARD).write_text(text.replace("-0.0 ", "0.0 "), encoding="utf-8")
