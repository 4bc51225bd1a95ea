"""Where rows come from and what is taken of them; mirrors `src/protocol/data.ts`, in the same
order."""

from typing import Annotated, Literal

from msgspec import Meta

from averse_worker.wire.messages.base import Count, Finite, Message, Seed

Scalar = str | float | bool


class Condition(Message, frozen=True, kw_only=True):
    """On a column's value; all that is not None must hold."""

    column: str | None
    """its name, dots lead into nested ones; None: the column with the role `label`"""
    values: list[Scalar] | None
    """the value is one of these"""
    not_values: list[Scalar] | None
    """the value is none of these"""
    below: Finite | None
    """the value is a number under this"""
    above: Finite | None
    """the value is a number over this"""


class BuiltinPlace(Message, frozen=True, kw_only=True, tag_field="kind", tag="builtin"):
    """What ships with the worker."""


class PathPlace(Message, frozen=True, kw_only=True, tag_field="kind", tag="path"):
    path: str
    """a file; a folder with a file per split; or a folder of `save_to_disk`"""


class PairPlace(Message, frozen=True, kw_only=True, tag_field="kind", tag="pair"):
    train: str
    """a file"""
    test: str
    """a file"""


class HubPlace(Message, frozen=True, kw_only=True, tag_field="kind", tag="hub"):
    """A data set of the Hugging Face hub."""

    id: str
    config: str | None
    revision: str | None
    """commit, branch or tag; None: the newest"""


DataPlace = BuiltinPlace | PathPlace | PairPlace | HubPlace


def place_name(place: DataPlace) -> str:
    """As a person would name it."""
    match place:
        case PathPlace(path=path):
            return path
        case PairPlace(train=train, test=test):
            return f"{train}, {test}"
        case HubPlace(id=id):
            return f"hub:{id}"
        case _:
            return "builtin"


class DataSplit(Message, frozen=True, kw_only=True):
    train: str | None
    """name of the split; None: train"""
    test: str | None
    """name of the split; None: test, or a fraction"""
    fraction: Finite | None
    """of the rows that become test rows; None: the test split is there"""


class DataPart(Message, frozen=True, kw_only=True):
    """One source of rows."""

    place: DataPlace
    weight: Finite | None
    """fraction of the mix, up to a factor; None: all rows"""
    columns: dict[str, str] | None
    """role → column; roles are text, prompt, completion, messages, chosen, rejected, label, tools;
    None: those that are called so"""
    good: Condition | None
    """which rows are of the good class; None: those labelled good or 1"""
    filter: list[Condition]
    """rows that meet all of these are kept"""
    split: DataSplit


class RowLimit(Message, frozen=True, kw_only=True):
    """Most rows of a split; None: all."""

    train: Count | None
    test: Count | None


Truncate = Literal["start", "end", "refuse", "drop"]


class DataSource(Message, frozen=True, kw_only=True):
    """One type for every command that reads data."""

    parts: Annotated[list[DataPart], Meta(min_length=1)]
    seed: Seed
    """of every random choice of rows: split, mix, balance, limit"""
    deduplicate: bool
    """of rows with the same prompt or text, the first alone is kept"""
    balance: Finite | None
    """fraction of the training rows that are of the good class; None: as they are"""
    limit: RowLimit
    max_overlap: Finite
    """most test prompts that may be training prompts, as a fraction"""
    template: str
    """auto: the model's own, for conversations; none; or the path of a Jinja file"""
    truncate: Truncate | None
    """what is done with a prompt that is too long; None: refuse chats, cut texts' end"""


def builtin_data() -> DataSource:
    """All that ships with the worker."""
    part = DataPart(
        place=BuiltinPlace(),
        weight=None,
        columns=None,
        good=None,
        filter=[],
        split=DataSplit(train=None, test=None, fraction=None),
    )
    return DataSource(
        parts=[part],
        seed=0,
        deduplicate=False,
        balance=None,
        limit=RowLimit(train=None, test=None),
        max_overlap=0.1,
        template="auto",
        truncate=None,
    )


class SplitFacts(Message, frozen=True, kw_only=True):
    """What became of the rows of a split."""

    rows: Count
    """that were read"""
    good: Count
    """of the good class, of those kept"""
    filtered: Count
    """left out by a filter"""
    duplicates: Count
    """left out as duplicates"""
    left_out: Count
    """left out by mix, balance and limit"""
    dropped: Count
    """left out because the prompt is too long"""
    truncated: Count
    """prompts that were cut to their length"""
    kept: Count
    """prompts of the split"""


def whole_split(rows: int, good: int = 0) -> SplitFacts:
    """Of a split of which every row is a prompt, as it is."""
    return SplitFacts(
        rows=rows,
        good=good,
        filtered=0,
        duplicates=0,
        left_out=0,
        dropped=0,
        truncated=0,
        kept=rows,
    )
