"""Data files: what is read from them, and what is said of those that are wrong."""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tokenizers import normalizers, processors
from transformers import PreTrainedTokenizerFast

from averse_worker.data.rows import Row
from averse_worker.data.sources import read_data
from averse_worker.data.tokenise import tokenise_prompts
from averse_worker.platform.files import ASSETS
from averse_worker.wire.errors import InputError
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
