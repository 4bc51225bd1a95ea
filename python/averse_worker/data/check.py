"""What an experiment's data are, before a run and without torch.

`python -m averse_worker.data.check`: standard input has one JSON object, a `Query`; standard output
gets one, a `Facts`. The data are read as a worker reads them, by the same code; prompts are encoded
by the policy's tokenizer, and no weights are read. A problem is an answer, not a failure: the
process ends with 0.
"""

import itertools
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from averse_worker.data.rows import STAGE_USES, Row
from averse_worker.data.sources import SPLITS, Data, read_data
from averse_worker.platform.files import ASSETS
from averse_worker.wire.errors import MissingEnvironment, WorkerError
from averse_worker.wire.messages.data import DataSource, SplitFacts

if TYPE_CHECKING:
    from averse_worker.data.templates import ChatTemplate

_MEASURED: Final = 20_000
"""prompts of a split that are encoded: a bound on the time of a check"""
_LABELS: Final = 20
_SHOWN: Final = 2000
"""characters of a sample"""
_TOKENIZER_FILES: Final = ("*token*", "*.jinja", "*.model", "vocab*", "merges*")


class Policy(msgspec.Struct, forbid_unknown_fields=True):
    """Whose tokenizer counts."""

    model: str
    """builtin, a folder, or a hub id"""
    revision: str | None


class StageData(msgspec.Struct, forbid_unknown_fields=True):
    """What a stage learns from."""

    name: str
    kind: Literal["language_model", "classifier", "reward_model"]
    source: DataSource


class Query(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked."""

    source: DataSource | None
    """the experiment's; None: only its stages' data are read"""
    policy: Policy | None
    """None: lengths are not counted"""
    prompt_tokens: int
    samples: int
    """of each split"""
    stages: list[StageData] = []
    """models that are trained before the run, from data of their own: told of where it is wrong"""


class Lengths(msgspec.Struct):
    """Of the prompts of a split, in tokens, before they are cut."""

    measured: int
    """prompts that were encoded, spread evenly over the split"""
    min: int
    median: float
    p95: int
    max: int


class Sample(msgspec.Struct):
    """A row for people to read."""

    id: int
    place: str
    """file and line"""
    good: bool
    prompt: str
    completion: str | None


class Problem(msgspec.Struct):
    """Why a run would stop."""

    message: str
    key: str | None
    """path of the config key"""
    environment: bool
    """a file or a network is missing; the configuration may be right"""


class Facts(msgspec.Struct):
    """What is answered; what is not known is null."""

    problems: list[Problem]
    notes: list[str]
    rows: dict[str, SplitFacts] | None = None
    """by split, as in the result of `load`"""
    overlap: int | None = None
    columns: list[str] | None = None
    """extra columns, which Python and HTTP rewards get"""
    labels: dict[str, dict[str, int]] | None = None
    """split → label → rows, the most frequent first"""
    tokens: dict[str, Lengths] | None = None
    """by split; null: they were not counted, and `notes` say why"""
    template: str | None = None
    """whose chat template writes the prompts; null: none does"""
    samples: dict[str, list[Sample]] | None = None
    seconds: float = 0.0


def check(query: Query) -> Facts:
    """Reads the data, and encodes their prompts."""
    started = time.perf_counter()
    facts = Facts(problems=[], notes=[])
    if query.source is not None:
        with _problems(facts):
            _read(query.source, query, facts)
    for stage in query.stages:
        with _problems(facts):
            read_data(stage.source, f"stages.{stage.name}.data", STAGE_USES[stage.kind])
    facts.seconds = time.perf_counter() - started
    return facts


@contextmanager
def _problems(facts: Facts) -> Iterator[None]:
    try:
        yield
    except WorkerError as error:
        environment = isinstance(error, MissingEnvironment)
        facts.problems.append(Problem(str(error), error.key, environment))


def _read(source: DataSource, query: Query, facts: Facts) -> None:
    data = read_data(source)
    facts.rows = {split: data.facts(split) for split in SPLITS}
    facts.overlap = data.overlap
    facts.labels = {split: _labels(data.rows[split]) for split in SPLITS}
    facts.columns = list(data.columns)
    chosen = {split: _spread(data.rows[split], query.samples) for split in SPLITS}
    facts.samples = {split: [_sample(row) for row in rows] for split, rows in chosen.items()}
    if query.policy is None:
        return
    chat = _encode(source, query, query.policy, data, facts)
    if chat is not None:
        # Of calls, the first: a template that leaves them out is refused.
        calls = (row for split in SPLITS for row in data.rows[split] if _calls(row))
        for row in itertools.islice(calls, 1):
            _written(row, chat)
        facts.samples = {
            split: [_sample(row, chat) for row in rows] for split, rows in chosen.items()
        }


def _encode(
    source: DataSource, query: Query, policy: Policy, data: Data, facts: Facts
) -> "ChatTemplate | None":
    """The template of the conversations, where there are any and a tokenizer."""
    # Imported here: it takes most of a second, and a wrong file is told sooner.
    from averse_worker.data.templates import open_template
    from averse_worker.data.tokenise import prompt_tokens_of, whole_prompts

    tokenizer = _tokenizer(policy, facts)
    rows = [row for split in SPLITS for row in data.rows[split]]
    if tokenizer is None:
        return None
    chat = open_template((tokenizer,), source.template, rows)
    facts.template = None if chat is None else chat.name
    chosen = {split: _spread(data.rows[split], _MEASURED) for split in SPLITS}
    # All lengths come first: they are what a refused prompt is mended with.
    facts.tokens = {
        split: _lengths(whole_prompts(rows, tokenizer, chat)) for split, rows in chosen.items()
    }
    assert facts.rows is not None
    for split, rows in chosen.items():
        _, kept, truncated = prompt_tokens_of(
            rows, tokenizer, query.prompt_tokens, chat, source.truncate, "data"
        )
        facts.rows[split] = data.facts(split, len(rows) - len(kept), truncated)
        if len(rows) < len(data.rows[split]):
            facts.notes.append(
                f"lengths are of {len(rows)} of {len(data.rows[split])} {split} prompts"
            )
    return chat


def _lengths(prompts: Iterable[Sequence[int]]) -> Lengths:
    lengths = sorted(map(len, prompts))
    return Lengths(
        measured=len(lengths),
        min=lengths[0],
        median=statistics.median(lengths),
        p95=lengths[round(0.95 * (len(lengths) - 1))],
        max=lengths[-1],
    )


def _tokenizer(policy: Policy, facts: Facts) -> Any:
    """The policy's tokenizer; None, with a note: it cannot be had without the whole model."""
    from transformers.tokenization_utils_tokenizers import TokenizersBackend

    folder = ASSETS / "language-model" if policy.model == "builtin" else Path(policy.model)
    try:
        if not folder.expanduser().is_dir():
            from huggingface_hub import snapshot_download

            folder = Path(
                snapshot_download(
                    policy.model, revision=policy.revision, allow_patterns=list(_TOKENIZER_FILES)
                )
            )
        tokenizer = TokenizersBackend.from_pretrained(folder.expanduser())
        if len(set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids)) < 2:
            raise FileNotFoundError("tokenizer.json")
        return tokenizer
    except Exception as error:
        # Whatever is wrong with the model's files, the checks of models tell.
        facts.notes.append(
            f"lengths are not counted: the tokenizer of {policy.model} cannot be read "
            f"({type(error).__name__})"
        )
        return None


def _labels(rows: Sequence[Row]) -> dict[str, int]:
    found = Counter(str(row.label) for row in rows if row.label is not None)
    return dict(found.most_common(_LABELS))


def _sample(row: Row, chat: "ChatTemplate | None" = None) -> Sample:
    """
    Args:
        chat: what writes conversations; None: of these is shown what is said in them.
    """
    prompt, completion = row.text, row.completion
    if row.messages is not None and chat is not None:
        prompt, completion = _written(row, chat)
    elif _calls(row):
        assert row.answer is not None
        completion = f"{completion}{json.dumps(row.answer['tool_calls'], default=str)}"
    return Sample(row.id, row.place, row.good, _cut(prompt), _cut(completion))


def _calls(row: Row) -> bool:
    return row.answer is not None and "tool_calls" in row.answer


def _written(row: Row, chat: "ChatTemplate") -> tuple[str, str | None]:
    """What the policy is given of a conversation, and what fine-tuning has it answer."""
    assert row.messages is not None
    asked = chat.write(
        row.messages, row.tools, row.place, tokenize=False, add_generation_prompt=True
    )
    if row.answer is None:
        return asked, None
    whole = chat.write([*row.messages, row.answer], row.tools, row.place, tokenize=False)
    return asked, whole.removeprefix(asked)


def _cut(text: str | None) -> Any:
    return text if text is None or len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    """At most `count` rows, evenly over all."""
    if count >= len(rows):
        return list(rows)
    return [rows[i * len(rows) // count] for i in range(count)]


def main() -> None:
    """
    Raises:
        SystemExit: the query is wrong, which is the caller's mistake.
    """
    try:
        query = msgspec.json.decode(sys.stdin.buffer.read(), type=Query)
    except msgspec.DecodeError as error:
        sys.exit(f"the query is wrong: {error}")
    sys.stdout.buffer.write(msgspec.json.encode(check(query)) + b"\n")


if __name__ == "__main__":
    main()
