"""Data files: what is read from them, and what is said of those that are wrong."""

import copy
import csv
import json
import math
from pathlib import Path
from typing import Any

import datasets
import msgspec
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers, processors
from transformers import PreTrainedTokenizerFast

from averse_worker.data.examples import Completion, Conversation
from averse_worker.data.rows import Row
from averse_worker.data.sources import Data, read_data
from averse_worker.data.tokenise import tokenise_prompts
from averse_worker.platform.files import ASSETS
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.messages.data import DataSource, builtin_data
from payloads import data_source
from tiny_models import make_policy, write_data, write_language_model, write_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def files(path: str, **changes: Any) -> DataSource:
    return msgspec.convert(data_source(path, **changes), DataSource)


def folder_with(path: Path, train: str | bytes, test: str = '{"text": "fine"}') -> Path:
    raw = train if isinstance(train, bytes) else train.encode()
    (path / "train.jsonl").write_bytes(raw)
    (path / "test.jsonl").write_text(test)
    return path


def test_a_folder_gives_rows_good_texts_and_digests(tmp_path: Path) -> None:
    data = read_data(files(str(write_data(tmp_path))))
    assert [row.id for row in data.rows["train"]] == list(range(48))
    assert len(data.rows["test"]) == 16
    assert len(data.good["train"]) == 24
    assert data.good["test"][0] == data.rows["test"][0].text
    assert set(data.digests) == {"train.jsonl", "test.jsonl"}


def test_test_texts_that_are_training_texts_are_counted(tmp_path: Path) -> None:
    def texts(*found: str) -> str:
        return "".join(json.dumps({"text": text}) + "\n" for text in found)

    (tmp_path / "train.jsonl").write_text(texts("one", "two", "two"))
    (tmp_path / "test.jsonl").write_text(texts("two", "three", "two", "one more"))
    assert read_data(files(str(tmp_path))).overlap == 2
    assert read_data(builtin_data()).overlap == 0


def test_every_file_of_the_builtin_set_has_its_digest() -> None:
    """The model card tells the same, of the files as they are published."""
    card = (ASSETS / "MODEL_CARD.md").read_text()
    data = read_data(builtin_data())
    assert set(data.digests) == {"good-texts.jsonl", "prompt-grammar.json"}
    for name, digest in data.digests.items():
        assert f"`{name}`" in card
        assert f"`{digest}`" in card


def test_labels_may_be_words_numbers_or_missing(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"text": "one", "label": "good"},
        {"text": "two", "label": 1},
        {"text": "three", "label": "bad"},
        {"text": "four", "label": 0},
        {"text": "five"},
        {"prompt": "six"},
    ]
    folder = folder_with(tmp_path, "\n\n".join(json.dumps(row) for row in rows) + "\n")
    data = read_data(files(str(folder)))
    assert data.good["train"] == ["one", "two"]
    assert [row.text for row in data.rows["train"]] == [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
    ]


def test_one_file_is_split(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": f"row {i}"}) for i in range(25)))
    data = read_data(files(str(path)))
    assert len(data.rows["test"]) == 2
    assert len(data.rows["train"]) == 23
    path.write_text('{"prompt": "one"}\n{"prompt": "two"}')
    data = read_data(files(str(path)))
    assert (len(data.rows["train"]), len(data.rows["test"])) == (1, 1)
    path.write_text('{"prompt": "one"}')
    with pytest.raises(InputError, match="has one row; expected at least two"):
        read_data(files(str(path)))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (b'{"text": "fine"}\n{"text": "\xff"}', "train.jsonl:2: is not UTF-8"),
        ('{"text": "fine"}\n\n{"text": }', "train.jsonl:3: is not JSON"),
        ("[1]", "train.jsonl:1: is a JSON list"),
        (
            '{"label": "good"}',
            r'train.jsonl:1: "text" \(or "prompt", or "messages"\) is missing; .* label',
        ),
        ('{"text": 5}', 'train.jsonl:1: "text" is 5'),
        ('{"text": "  "}', 'train.jsonl:1: "text" is'),
        ('{"prompt": null}', 'train.jsonl:1: "prompt" is None'),
        ('{"text": "x", "label": "nice"}', "\"label\" is 'nice', expected"),
        ('{"text": "x", "label": true}', '"label" is True, expected'),
        ('{"text": "x", "label": [1]}', r'"label" is \[1\], expected'),
        (
            '{"text": "fine"}\n{"text": "x \\ud83d"}',
            r"train.jsonl:2: .*surrogate.*\\ud83d, at char",
        ),
        ('{"prompt": "\\udc00 x"}', r"train.jsonl:1: .*half of a surrogate pair.* at character 1 "),
        (
            '{"text": "x", "label": ' + "9" * 6000 + "}",
            "train.jsonl:1: holds a number of more than",
        ),
        ('{"text": "x", "more": ' + "[" * 100_000, "train.jsonl:1: is nested too deeply"),
        ('{"text": "x", "label": "' + "n" * 9000 + '"}', r"is 'n{59}…, expected"),
        (
            '[\n{"text": "x"},\n{"text": "y"}\n]',
            "train.jsonl: is a JSON array; expected one object",
        ),
        ('[{"text": "x"}, {"text": "y"}]', "train.jsonl: is a JSON array; expected one object per"),
        ('{\n"text": "x"\n}', "train.jsonl:1: is not JSON .*; expected one object per line"),
    ],
)
def test_wrong_files_are_named_by_line(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read_data(files(str(folder_with(tmp_path, content))))
    assert caught.value.key == "data.path"


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no train.jsonl and no test.jsonl"):
        read_data(files(str(tmp_path)))
    with pytest.raises(InputError, match="there is no such folder or file; expected builtin"):
        read_data(files(str(tmp_path / "nowhere")))


def test_prompts_are_the_first_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    rows = [Row(3, "the film was very good", True, "a:1"), Row(8, "a", False, "a:2")]
    prompts = tokenise_prompts(rows, tokenizer, (0,), 3)
    assert prompts.ids.tolist() == [3, 8]
    assert [len(tokens) for tokens in prompts.tokens] == [3, 2]
    assert prompts.tokens[0][0] == tokenizer.bos_token_id
    assert rows[0].text.startswith(prompts.texts[0])
    assert prompts.texts[1] == "a"


def test_a_text_without_tokens_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    silent = copy.deepcopy(tokenizer)
    silent.backend_tokenizer.normalizer = normalizers.Replace("?", "")
    silent.backend_tokenizer.post_processor = processors.ByteLevel()
    with pytest.raises(InputError, match="a:1: the text has no tokens"):
        tokenise_prompts([Row(0, "?", False, "a:1")], silent, (0,), 4)


def test_models_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    folder = write_language_model(tmp_path / "model")
    with pytest.raises(InputError, match=r"prompt_tokens 60 and rollout.new_tokens 6 make 66"):
        make_policy(folder, data__prompt_tokens=60)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["eos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="no end-of-text token; set eos_token"):
        make_policy(folder)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for size, told in (
        (2000, "is not a valid safetensors file"),
        (len(whole) - 1, "its header says"),
    ):
        weights.write_bytes(whole[:size])
        with pytest.raises(InputError, match=told) as caught:
            make_policy(folder)
    assert caught.value.key == "policy.model"
    weights.unlink()
    with pytest.raises(InputError, match=r"no model\.safetensors and no"):
        make_policy(folder)


def test_weights_that_lack_tensors_are_refused(tmp_path: Path) -> None:
    folder = write_language_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["n_layer"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="the weights lack 12 tensors"):
        make_policy(folder)


# ── columns and classes ─────────────────────────────────────────────────────────────────────


def condition(column: str | None = None, **given: Any) -> dict[str, Any]:
    none = {"column": column, "values": None, "not_values": None, "below": None, "above": None}
    return none | given


def table(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def kept(data: Data) -> list[str]:
    return sorted(row.text for split in ("train", "test") for row in data.rows[split])


def good_of(data: Data) -> list[Any]:
    return sorted((one for split in ("train", "test") for one in data.good[split]), key=str)


EMOTIONS = [
    {"review": "one", "emotion": "anger", "scores": {"toxicity": 0.9}, "ok": False},
    {"review": "two", "emotion": "neither", "scores": {"toxicity": 0.2}, "ok": True},
    {"review": "three", "emotion": "joy", "scores": {"toxicity": None}, "ok": True},
    {"review": "four", "emotion": "neither", "scores": {"toxicity": 0.5}, "ok": False},
]


@pytest.mark.parametrize(
    ("good", "expected"),
    [
        (condition(values=["neither"]), ["four", "two"]),
        (condition(values=["neither", "joy"]), ["four", "three", "two"]),
        (condition("scores.toxicity", below=0.5), ["two"]),
        (condition("scores.toxicity", above=0.3), ["four", "one"]),
        (condition("ok", values=[True]), ["three", "two"]),
        (condition("emotion", not_values=["anger"]), ["four", "three", "two"]),
    ],
)
def test_the_good_class_is_told_by_labels_or_by_a_column(
    tmp_path: Path, good: dict[str, Any], expected: list[str]
) -> None:
    path = table(tmp_path / "rows.jsonl", *EMOTIONS)
    columns = {"text": "review", "label": "emotion"}
    assert good_of(read_data(files(path, columns=columns, good=good))) == expected


def test_a_csv_file_has_numbers_and_truth_values_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label,safe\none,1,True\ntwo,0,false\nthree,1.0,true\n")
    assert good_of(read_data(files(str(path), good=condition(values=[1])))) == ["one", "three"]
    safe = condition("safe", values=[True])
    assert good_of(read_data(files(str(path), good=safe))) == ["one", "three"]
    path.write_text("text,label\none,1\ntwo,0\n")
    assert good_of(read_data(files(str(path)))) == ["one"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_column_of_numbers_with_gaps_is_one_of_labels(tmp_path: Path, form: str) -> None:
    """Tables make 1, 0 and nothing of a column into 1.0, 0.0 and NaN."""
    labels = [1.0, 0.0, math.nan] * 4
    rows = [{"text": f"film {i}", "label": label} for i, label in enumerate(labels)]
    if form == "jsonl":
        path = table(tmp_path / "rows.jsonl", *rows)
    else:
        path = str(tmp_path / "rows.csv")
        lines = [f"film {i},{'' if label != label else label}" for i, label in enumerate(labels)]
        Path(path).write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    data = read_data(files(path))
    good = {row.text: row.good for part in data.rows.values() for row in part}
    assert good == {f"film {i}": label == 1 for i, label in enumerate(labels)}
    labelled = read_data(files(path), use="labels")
    found = {row.text: row.label for part in labelled.rows.values() for row in part}
    assert [found[f"film {i}"] is None for i in range(12)] == [x != x for x in labels]
    above = {"column": "label", "values": None, "not_values": None, "below": None, "above": 0.5}
    kept = read_data(files(path, filter=[above]))
    assert sum(map(len, kept.rows.values())) == 4


def test_classes_by_number_may_be_named(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = [{"text": f"text {i}", "label": i % 2} for i in range(6)]
    Dataset.from_list(rows, features=features).to_parquet(tmp_path / "rows.parquet")
    named = files(str(tmp_path / "rows.parquet"), good=condition(values=["pos"]))
    numbered = files(str(tmp_path / "rows.parquet"), good=condition(values=[1]))
    assert (
        good_of(read_data(named)) == good_of(read_data(numbered)) == ["text 1", "text 3", "text 5"]
    )


@pytest.mark.parametrize(
    ("changes", "told", "key"),
    [
        (
            {"columns": {"text": "revew"}},
            r"rows.jsonl:1: there is no column 'revew'; the columns are review, emotion, "
            r"scores.toxicity, ok; did you mean review\?",
            "data.columns.text",
        ),
        (
            {"columns": {"text": "scores"}},
            r'"scores" has fields of its own \(scores.toxicity\); name one of them',
            "data.path",
        ),
        (
            {"columns": {"text": "review", "label": "emotion"}},
            r"rows.jsonl:1: \"emotion\" is 'anger', expected .* are neither \(2\), anger \(1\),",
            "data.path",
        ),
        (
            {
                "columns": {"text": "review", "label": "emotion"},
                "good": condition(values=["happy"]),
            },
            r"no row has a label that data.good names \('happy'\); the labels are neither \(2\)",
            "data.good",
        ),
        (
            {"columns": {"text": "review"}, "good": condition(values=["anger"])},
            "data.good names labels, and no column is called 'label'; name theirs in "
            r"data.columns.label: the columns are .*emotion",
            "data.columns",
        ),
        (
            {
                "columns": {"text": "review", "label": "emotoin"},
                "good": condition(values=["anger"]),
            },
            "there is no column 'emotoin'.*did you mean emotion",
            "data.columns",
        ),
        (
            {"columns": {"text": "review"}, "good": condition("emotion", below=1)},
            "rows.jsonl:1: \"emotion\" is 'anger', expected a number to compare",
            "data.good",
        ),
        (
            {"columns": {"text": "review"}, "filter": [condition("lang", values=["en"])]},
            "rows.jsonl:1: there is no column 'lang'",
            "data.filter",
        ),
        (
            {"columns": {"text": "review"}, "filter": [condition("ok", values=["maybe"])]},
            "no train rows are left of 4|expected at least two prompts",
            None,
        ),
    ],
)
def test_wrong_columns_and_classes_are_named(
    tmp_path: Path, changes: dict[str, Any], told: str, key: str | None
) -> None:
    path = table(tmp_path / "rows.jsonl", *EMOTIONS)
    with pytest.raises(InputError, match=told) as caught:
        read_data(files(path, **changes))
    assert key is None or caught.value.key == key


def test_other_columns_are_kept_per_prompt(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    path = table(tmp_path / "rows.jsonl", *EMOTIONS)
    data = read_data(files(path, columns={"text": "review"}))
    prompts = tokenise_prompts(data.rows["train"], tokenizer, (0,), 8)
    found = [prompts.columns_of(at) for at in range(len(prompts.texts))]
    by_text = {row["review"]: row for row in EMOTIONS}
    rows = [by_text[row.text] for row in data.rows["train"]]
    assert found == [{k: v for k, v in row.items() if k != "review"} for row in rows]


def test_a_column_that_some_rows_lack_is_there_for_all_prompts(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    """A batch's columns must not depend on which row comes first; as `datasets` has it."""
    rows = [{"text": f"film {i}"} | ({"target": f"t{i}"} if i % 3 == 1 else {}) for i in range(30)]
    other = table(tmp_path / "other.jsonl", *({"prompt": f"p{i}", "level": i} for i in range(9)))
    source = files(table(tmp_path / "rows.jsonl", *rows))
    [more] = files(other).parts
    data = read_data(msgspec.structs.replace(source, parts=[*source.parts, more]))
    assert data.columns == ("target", "level")
    for part in data.rows.values():
        prompts = tokenise_prompts(part, tokenizer, (0,), 8, columns=data.columns)
        for at, row in enumerate(part):
            number = int(row.text.lstrip("film p"))
            mine = {"level": number} if row.text.startswith("p") else {}
            if row.text.startswith("film") and number % 3 == 1:
                mine = {"target": f"t{number}"}
            assert prompts.columns_of(at) == {"target": None, "level": None} | mine


# ── which rows ──────────────────────────────────────────────────────────────────────────────

TEXTS = st.lists(
    st.tuples(st.sampled_from("abcdefghij"), st.sampled_from(["good", "bad"])),
    min_size=2,
    max_size=30,
).filter(lambda rows: len({text for text, _ in rows}) > 1)


@given(TEXTS, st.integers(0, 5), st.sampled_from([0.1, 0.3, 0.5]))
def test_a_split_by_fraction_is_seeded_whole_and_disjoint(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    seed: int,
    fraction: float,
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    table(path, *({"text": text, "label": label} for text, label in rows))
    split = {"train": None, "test": None, "fraction": fraction}
    source = files(str(path), split=split, seed=seed)
    data = read_data(source)
    assert kept(data) == sorted(text for text, _ in rows)
    train, test = ({row.text for row in data.rows[split]} for split in ("train", "test"))
    assert train
    assert test
    assert not train & test
    assert data.overlap == 0
    assert read_data(source).rows == data.rows


@given(TEXTS, st.sampled_from([0.3, 0.5, 0.7]))
def test_balance_keeps_all_of_the_class_that_is_short(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], fraction: float
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    table(folder / "train.jsonl", *({"text": text, "label": label} for text, label in rows))
    table(folder / "test.jsonl", {"text": "other"})
    source = files(str(folder), balance=fraction)
    counts = [sum(label == kind for _, label in rows) for kind in ("good", "bad")]
    if 0 in counts:
        with pytest.raises(InputError, match=r"data.balance is .* are of the good class"):
            read_data(source)
        return
    data = read_data(source)
    good, bad = (sum(row.good is kind for row in data.rows["train"]) for kind in (True, False))
    assert good == counts[0] or bad == counts[1]
    # To the row: one more of the other class would be further off.
    total = good + bad
    assert abs(good - fraction * total) <= 1
    assert data.left["train"].left_out == len(rows) - total


def test_duplicates_limits_and_filters_are_counted(tmp_path: Path) -> None:
    rows = [{"text": f"text {i % 8}", "lang": "en" if i % 4 else "de"} for i in range(16)]
    table(tmp_path / "train.jsonl", *rows)
    table(tmp_path / "test.jsonl", {"text": "x", "lang": "en"}, {"text": "y", "lang": "en"})
    source = files(
        str(tmp_path),
        filter=[condition("lang", values=["en"])],
        deduplicate=True,
        limit={"train": 4, "test": None},
    )
    data = read_data(source)
    facts = data.facts("train")
    assert (facts.rows, facts.filtered, facts.duplicates) == (16, 4, 6)
    assert (facts.left_out, facts.kept) == (2, 4)
    assert data.facts("test").kept == 2
    other = msgspec.structs.replace(source, seed=1)
    assert read_data(other).rows["train"] != data.rows["train"]


def test_test_prompts_that_are_training_prompts_are_refused_over_a_fraction(
    tmp_path: Path,
) -> None:
    table(tmp_path / "train.jsonl", {"text": "same"}, {"text": "one"})
    table(tmp_path / "test.jsonl", {"text": "same"}, {"text": "two"}, {"text": "three"})
    source = files(str(tmp_path), max_overlap=0.5)
    assert read_data(source).overlap == 1
    with pytest.raises(
        InputError, match=r"1 of 3 test prompts are training prompts .*test.jsonl:1 and .*:1"
    ) as caught:
        read_data(msgspec.structs.replace(source, max_overlap=0.3))
    assert caught.value.key == "data.max_overlap"


# ── where from ──────────────────────────────────────────────────────────────────────────────


def test_folders_may_have_one_format_per_split_and_other_names(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text\none\ntwo\n")
    Dataset.from_list([{"text": "three"}]).to_parquet(tmp_path / "test.parquet")
    (tmp_path / "validation.txt").write_text("four\nfive\n")
    assert kept(read_data(files(str(tmp_path)))) == ["one", "three", "two"]
    named = {"train": "train", "test": "validation", "fraction": None}
    data = read_data(files(str(tmp_path), split=named))
    assert [row.text for row in data.rows["test"]] == ["four", "five"]
    assert set(data.digests) == {"train.csv", "validation.txt"}
    (tmp_path / "train.jsonl").write_text('{"text": "six"}')
    with pytest.raises(InputError, match=r"has train.csv and train.jsonl; expected one file"):
        read_data(files(str(tmp_path)))


def test_a_pair_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\none\ntwo\n")
    (tmp_path / "b.txt").write_text("three\n")
    pair = {"kind": "pair", "train": str(tmp_path / "a.csv"), "test": str(tmp_path / "b.txt")}
    data = read_data(files("", place=pair))
    assert [row.text for row in data.rows["test"]] == ["three"]
    pair["test"] = str(tmp_path / "c.txt")
    with pytest.raises(InputError, match=r"c.txt: there is no such file"):
        read_data(files("", place=pair))


def test_folders_of_save_to_disk(tmp_path: Path) -> None:
    rows = Dataset.from_list([{"text": f"text {i}", "label": i % 2} for i in range(10)])
    rows.save_to_disk(tmp_path / "one")
    data = read_data(files(str(tmp_path / "one")))
    assert kept(data) == sorted(rows["text"])
    assert set(data.digests) == {"data-00000-of-00001.arrow"}
    both = DatasetDict({"train": rows, "validation": Dataset.from_list([{"text": "held"}])})
    both.save_to_disk(tmp_path / "both")
    split = {"train": None, "test": "validation", "fraction": None}
    data = read_data(files(str(tmp_path / "both"), split=split))
    assert [row.place for row in data.rows["test"]] == [f"{tmp_path}/both/test:1"]
    split["test"] = "dev"
    with pytest.raises(InputError, match=r"has no split 'dev'; it has train, validation") as caught:
        read_data(files(str(tmp_path / "both"), split=split))
    assert caught.value.key == "data.split"


def test_the_hub_gives_splits_of_a_configuration_and_revision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def load_dataset(id: str, config: Any, *, split: str, revision: Any) -> Dataset:
        asked.append((id, config, split, revision))
        return Dataset.from_list([{"text": f"{split} {i}"} for i in range(4)])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *_, **__: ["train", "test"])
    place = {"kind": "hub", "id": "owner/name", "config": "plain", "revision": "v1"}
    data = read_data(files("", place=place))
    assert [row.text for row in data.rows["test"]] == [f"test {i}" for i in range(4)]
    assert asked == [("owner/name", "plain", split, "v1") for split in ("train", "test")]
    assert set(data.digests) == {"owner/name/train", "owner/name/test"}


def test_a_data_set_in_the_cache_needs_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no network")

    rows = Dataset.from_list([{"text": f"text {i}"} for i in range(4)])
    cached = DatasetDict({"train": rows, "test": Dataset.from_list([{"text": "held"}])})
    monkeypatch.setattr(datasets, "get_dataset_split_names", unreachable)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, split, **__: {None: cached}[split])
    place = {"kind": "hub", "id": "owner/name", "config": None, "revision": None}
    data = read_data(files("", place=place))
    assert [row.text for row in data.rows["test"]] == ["held"]


def test_a_hub_that_cannot_be_reached_is_no_fault_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "get_dataset_split_names", unreachable)
    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    place = {"kind": "hub", "id": "owner/name", "config": None, "revision": None}
    with pytest.raises(MissingEnvironment, match="hub:owner/name cannot be had") as caught:
        read_data(files("", place=place))
    assert caught.value.key == "data.hub"


def test_sources_are_mixed_by_weight_and_keep_their_ids_apart(tmp_path: Path) -> None:
    parts = []
    for name, count, weight in (("a", 40, 1.0), ("b", 40, 3.0)):
        path = tmp_path / f"{name}.jsonl"
        table(path, *({"text": f"{name} {i}"} for i in range(count)))
        [part] = data_source(str(path), weight=weight)["parts"]
        parts.append(part)
    source = files("", parts=parts)
    data = read_data(source)
    for split, most in (("train", 36), ("test", 4)):
        counts = [sum(row.text.startswith(name) for row in data.rows[split]) for name in "ab"]
        assert counts == [round(most / 3), most]
    ids = [row.id for row in data.rows["train"]]
    assert len(set(ids)) == len(ids)
    assert len(data.digests) == 2
    for part in parts:
        part["weight"] = None
    assert len(kept(read_data(files("", parts=parts)))) == 80


# ── conversations and preferences ───────────────────────────────────────────────────────────

USER = {"role": "user", "content": "Hello?"}
ANSWER = {"role": "assistant", "content": "Hi."}
SYSTEM = {"role": "system", "content": "Be kind."}


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [SYSTEM, USER, ANSWER]},
        {"prompt": [SYSTEM, USER], "completion": [ANSWER]},
        {"prompt": [SYSTEM, USER], "completion": "Hi."},
        {"messages": json.dumps([SYSTEM, USER, ANSWER])},
    ],
)
def test_conversations_end_where_the_assistant_answers(tmp_path: Path, row: Any) -> None:
    other = {"messages": [{"role": "user", "content": "other"}]}
    data = read_data(files(table(tmp_path / "rows.jsonl", row, other)))
    [found] = [row for rows in data.rows.values() for row in rows if row.messages[0] == SYSTEM]
    assert found.messages == (SYSTEM, USER)
    assert found.text == "Be kind.\n\nHello?"
    assert found.completion == "Hi."
    assert good_of(data) == [Conversation((SYSTEM, USER, ANSWER))]


def test_demonstrations_are_good_unless_they_are_labelled_otherwise(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a", "completion": " b"},
        {"prompt": "c", "completion": " d", "label": "bad"},
        {"prompt": "e", "completion": " f", "label": "good"},
        {"prompt": "g"},
    ]
    data = read_data(files(table(tmp_path / "rows.jsonl", *rows)))
    assert good_of(data) == [Completion("a", " b"), Completion("e", " f")]


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], r'"messages" is \[\], expected a list of messages'),
        ("no list", r"\"messages\" is .*no list.*, expected a list of messages"),
        ([ANSWER], '"messages" has no message before the assistant\'s'),
        ([{"content": "x"}], 'message 1 of "messages" is'),
        ([USER, {"role": "user", "content": " "}], 'message 2 of "messages" is blank'),
        (
            [{"role": "user", "content": [{"type": "image"}]}],
            r'message 1 of "messages" has the content .* expected a text',
        ),
        ([{"role": "user", "content": "\ud83d"}], "half of a surrogate pair"),
    ],
)
def test_wrong_conversations_are_named_by_line(tmp_path: Path, messages: Any, told: str) -> None:
    path = table(tmp_path / "rows.jsonl", {"messages": [USER]}, {"messages": messages})
    with pytest.raises(InputError, match=f"rows.jsonl:2: .*{told}"):
        read_data(files(path))


@pytest.mark.parametrize("conversations", [False, True])
def test_preferences_without_a_prompt_are_split_and_told_apart(
    tmp_path: Path, conversations: bool
) -> None:
    def pair(asked: int, answer: str) -> dict[str, Any]:
        if not conversations:
            return {"chosen": f"{asked} {answer}", "rejected": f"{asked} no"}
        user = {"role": "user", "content": f"question {asked}"}
        both = ({"role": "assistant", "content": one} for one in (answer, "no"))
        return dict(zip(("chosen", "rejected"), ([user, one] for one in both), strict=True))

    rows = [pair(asked, answer) for asked in range(20) for answer in ("yes", "of course")]
    path = table(tmp_path / "pairs.jsonl", *rows)
    data = read_data(files(path), use="preferences")
    assert len(data.rows["train"]) + len(data.rows["test"]) == 40
    # Two prompts of twenty, or four answers of forty, are for testing; nothing is on both sides.
    assert len(data.rows["test"]) == 4
    assert data.overlap == 0
    keys = {split: {row.key for row in rows} for split, rows in data.rows.items()}
    assert not keys["train"] & keys["test"]
    assert len(keys["train"] | keys["test"]) == (20 if conversations else 40)


@pytest.mark.parametrize("before", [[], [SYSTEM]], ids=["", "system"])
@pytest.mark.parametrize("prompt", [USER["content"], [USER]], ids=["text", "messages"])
def test_a_prompt_that_both_answers_begin_with_is_said_once(
    tmp_path: Path, prompt: Any, before: list[Any]
) -> None:
    """UltraFeedback has the prompt beside whole conversations."""
    answers = {
        name: [*before, USER, {"role": "assistant", "content": name}]
        for name in ("chosen", "rejected")
    }
    rows = [{"prompt": prompt} | answers, {"chosen": [USER, ANSWER], "rejected": [USER, ANSWER]}]
    data = read_data(
        files(table(tmp_path / "pairs.jsonl", *rows), max_overlap=1.0), use="preferences"
    )
    found = {row.id: row for part in data.rows.values() for row in part}
    assert (found[0].text, found[0].messages) == ("", None)
    assert found[0].chosen == tuple(answers["chosen"])
    assert found[0].rejected == tuple(answers["rejected"])


@pytest.mark.parametrize("prompt", ["another question", [USER | {"content": "another question"}]])
@pytest.mark.parametrize("both", [False, True])
def test_an_answer_that_begins_with_another_prompt_is_refused(
    tmp_path: Path, prompt: Any, both: bool
) -> None:
    rejected = [USER, ANSWER] if both else [ANSWER]
    row = {"prompt": prompt, "chosen": [USER, ANSWER], "rejected": rejected}
    path = table(tmp_path / "pairs.jsonl", row, row)
    told = r'pairs\.jsonl:1: "chosen" has a message of the user before the answer; expected'
    with pytest.raises(InputError, match=told):
        read_data(files(path), use="preferences")


def test_a_csv_file_has_lists_of_messages_as_json(tmp_path: Path) -> None:
    def written(rows: list[dict[str, Any]], write: Any) -> str:
        path = tmp_path / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, list(rows[0]))
            out.writeheader()
            out.writerows({name: write(value) for name, value in row.items()} for row in rows)
        return str(path)

    users = [[USER | {"content": f"question {i}"}] for i in range(9)]
    pairs = [{"prompt": user, "chosen": [ANSWER], "rejected": [ANSWER]} for user in users]
    shows = [{"prompt": user, "completion": [ANSWER]} for user in users]
    for rows, use in ((pairs, "preferences"), (shows, "prompts")):
        of_lists = read_data(files(table(tmp_path / "rows.jsonl", *rows)), use=use)
        of_texts = read_data(files(written(rows, json.dumps)), use=use)
        for split, part in of_lists.rows.items():
            same = ("messages", "chosen", "rejected", "completion", "text")
            assert [[getattr(row, name) for name in same] for row in of_texts.rows[split]] == [
                [getattr(row, name) for name in same] for row in part
            ]
        with pytest.raises(InputError, match=r'csv:2: "\w+" is a list of messages, but'):
            read_data(files(written(rows, str)), use=use)


def test_preferences_are_made_of_texts_of_two_classes(tmp_path: Path) -> None:
    rows = [{"text": f"row {i}", "stars": i % 5} for i in range(30)]
    path = table(tmp_path / "reviews.jsonl", *rows)
    good = {"column": "stars", "values": [3, 4], "not_values": None, "below": None, "above": None}
    split = {"train": None, "test": None, "fraction": 0.2}
    source = files(path, columns={"text": "text"}, good=good, split=split)
    data = read_data(source, use="preferences")
    for name in ("train", "test"):
        pairs = data.rows[name]
        better = [str(row.chosen) for row in pairs]
        worse = [str(row.rejected) for row in pairs]
        assert all(int(text.split()[1]) % 5 >= 3 for text in better)
        assert all(int(text.split()[1]) % 5 < 3 for text in worse)
        assert len({*better, *worse}) == 2 * len(pairs) > 0
        assert [row.text for row in pairs] == [""] * len(pairs)
    # As many as the smaller class has rows; the others are told as left out.
    facts = data.facts("train")
    assert facts.rows == 2 * len(data.rows["train"]) + facts.left_out
    assert read_data(source, use="preferences").rows == data.rows


def test_pairs_of_texts_need_their_classes(tmp_path: Path) -> None:
    rows = [{"text": f"row {i}", "label": i % 2} for i in range(8)]
    path = table(tmp_path / "reviews.jsonl", *rows)
    with pytest.raises(InputError, match=r"the good class; name it in data\.good") as caught:
        read_data(files(path, columns={"text": "text"}), use="preferences")
    assert caught.value.key == "data.good"
    good = {"column": None, "values": [0, 1], "not_values": None, "below": None, "above": None}
    source = files(path, columns={"text": "text", "label": "label"}, good=good)
    with pytest.raises(InputError, match=r"train rows . are of the good class; expected some"):
        read_data(source, use="preferences")


def test_preferences_and_labels_are_read_for_trainers(tmp_path: Path) -> None:
    rows = [
        {"prompt": "p", "chosen": " yes", "rejected": " no", "judge": 3},
        {"prompt": [USER], "chosen": [ANSWER], "rejected": [ANSWER]},
    ]
    data = read_data(files(table(tmp_path / "pairs.jsonl", *rows)), use="preferences")
    found = {row.id: row for rows in data.rows.values() for row in rows}
    assert (found[0].text, found[0].chosen, found[0].rejected) == ("p", " yes", " no")
    assert found[0].columns["judge"] == 3
    assert (found[1].messages, found[1].chosen) == ((USER,), (ANSWER,))
    rows = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    data = read_data(files(table(tmp_path / "labels.jsonl", *rows)), use="labels")
    assert sorted((row.text, row.label) for rows in data.rows.values() for row in rows) == [
        ("a", "x"),
        ("b", "y"),
    ]
