"""A column `tools`: what an assistant may call, in everything that a chat template writes."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from averse_worker.data.examples import Conversation, contents
from averse_worker.data.rows import Row
from averse_worker.data.sources import Data, read_data
from averse_worker.data.supervision import IGNORED, example_tokens, supervise
from averse_worker.data.templates import ChatTemplate, open_template
from averse_worker.data.text import Text
from averse_worker.data.tokenise import tokenise_prompts, with_conditions
from averse_worker.models.folder import ModelFolder
from averse_worker.platform.device import Device
from averse_worker.rewards.preference import load_preference
from averse_worker.rewards.scored_text import ScoredText
from averse_worker.training.stage_rows import language_texts, preference_pairs
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.data import DataSource
from payloads import data_source
from tiny_models import write_classifier, write_tokenizer

MARKS = ("<|turn|>", "<|done|>")
PLAIN = (
    "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}"
    "{% for call in m.tool_calls %}call {{ call.function.name }}{% endfor %}<|done|>{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)
EACH = "{% for one in tools %}<|turn|>tool {{ one | tojson }}<|done|>{% endfor %}"
TEMPLATE = "{% if tools %}" + EACH + "{% endif %}" + PLAIN
USER = {"role": "user", "content": "Is it raining?"}
ANSWER = {"role": "assistant", "content": "Yes."}
CALL = {"role": "assistant", "tool_calls": [{"function": {"name": "rain", "arguments": {}}}]}
FOUND = {"role": "tool", "content": ""}


def tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"day": {"type": "string", "default": None}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


RAIN = tool("rain")
WRITTEN = f"<|turn|>tool {json.dumps(RAIN)}<|done|>"
OTHER = {"messages": [{"role": "user", "content": "other"}], "tools": None}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    found = write_tokenizer(tmp_path_factory.mktemp("tools"), controls=MARKS)
    found.chat_template = TEMPLATE
    return found


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    found = write_tokenizer(tmp_path_factory.mktemp("plain"), controls=MARKS)
    found.chat_template = PLAIN
    return found


def read(path: Path, *rows: dict[str, Any], use: Any = "prompts", **settings: Any) -> Data:
    file = path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_data(source(file, **settings), use=use)


def source(file: Path, **settings: Any) -> DataSource:
    return msgspec.convert(data_source(str(file), **settings), DataSource)


def rows_of(data: Data) -> list[Row]:
    return sorted((row for rows in data.rows.values() for row in rows), key=lambda row: row.id)


@pytest.mark.parametrize("form", ["list", "text"])
def test_tools_are_read_as_lists_and_as_json(tmp_path: Path, form: str) -> None:
    tools = [RAIN] if form == "list" else json.dumps([RAIN])
    data = read(
        tmp_path,
        {"messages": [USER, ANSWER], "tools": tools},
        {"prompt": [USER], "completion": "Yes.", "tools": tools},
        {"messages": [USER, ANSWER], "tools": []},
        {"messages": [USER, ANSWER]},
    )
    found = rows_of(data)
    assert [row.tools for row in found] == [(RAIN,), (RAIN,), None, None]
    # Python rewards get them as any other column, as TRL's get all.
    assert found[0].columns == {"tools": tools}
    # What may be called is part of what is asked.
    assert len({row.key for row in found}) == 2
    assert Conversation((USER, ANSWER), (RAIN,)) in [*data.good["train"], *data.good["test"]]


def test_the_column_may_be_named(tmp_path: Path) -> None:
    rows = ({"chat": [USER], "functions": [RAIN]}, {"chat": [FOUND | USER], "functions": None})
    columns = {"messages": "chat", "tools": "functions"}
    [first, second] = rows_of(read(tmp_path, *rows, columns=columns))
    assert (first.tools, second.tools) == ((RAIN,), None)
    with pytest.raises(InputError, match=r"there is no column 'function'; .*did you mean func"):
        read(tmp_path, *rows, columns=columns | {"tools": "function"})


def test_tools_of_plain_prompts_are_a_column_like_others(tmp_path: Path) -> None:
    rows = ({"prompt": "a", "tools": "hammer"}, {"prompt": "b", "tools": "saw"})
    found = rows_of(read(tmp_path, *rows))
    assert [(row.tools, row.columns) for row in found] == [
        (None, {"tools": "hammer"}),
        (None, {"tools": "saw"}),
    ]
    with pytest.raises(InputError, match=r"rows.jsonl:1: data.columns.tools names 'tools', but"):
        read(tmp_path, *rows, columns={"prompt": "prompt", "tools": "tools"})


@pytest.mark.parametrize(
    ("tools", "told"),
    [
        ("hammer", '"tools" is .*hammer.*, expected a list of tools like'),
        ([1], r'"tools" is \[1\], expected a list of tools'),
        (RAIN, r'"tools" is .*, expected a list of tools'),
        ('[{"name": "a", "name": "b"}]', "\"tools\" has the key 'name' twice in one object"),
    ],
)
def test_what_is_no_list_of_tools_is_refused(tmp_path: Path, tools: Any, told: str) -> None:
    with pytest.raises(InputError, match=f"rows.jsonl:2: {told}"):
        read(tmp_path, OTHER, {"messages": [USER], "tools": tools})


def test_a_null_in_a_schema_is_refused(tmp_path: Path) -> None:
    filled = deepcopy(RAIN)
    filled["function"]["parameters"]["properties"] |= {"place": None}
    rows = (OTHER, {"messages": [USER], "tools": [filled]})
    with pytest.raises(InputError, match=r"rows.jsonl:2: tools.0.*place is null, which no JSON"):
        read(tmp_path, *rows)


def called(name: str, **arguments: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "tool_calls": [{"function": {"name": name, "arguments": arguments}}],
    }


def declared(name: str, parameter: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {parameter: {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


CALLS = [
    {
        "messages": [USER, called("rain", city="Bergen", days=[1]), FOUND, ANSWER],
        "tools": [declared("rain", "city")],
    },
    {"messages": [USER | FOUND, called("snow", where={"place": "Oslo"})], "tools": None},
    {
        "prompt": None,
        "messages": [ANSWER | USER, called("rain")],
        "tools": [declared("snow", "at")],
    },
]


def saved(path: Path, form: str) -> Path:
    """The calls as a table: each object has all fields of all rows there."""
    plain = Dataset.from_list(json.loads(json.dumps(CALLS)))
    table = Dataset.from_list(CALLS, on_mixed_types="use_json") if "json" in form else plain
    if "parquet" in form:
        table.to_parquet(path / "rows.parquet")
        return path / "rows.parquet"
    table.save_to_disk(path / "saved")
    if "arrow" not in form:
        return path / "saved"
    return (path / "saved/data-00000-of-00001.arrow").rename(path / "rows.arrow")


@pytest.mark.parametrize("form", ["parquet", "arrow", "folder"])
@pytest.mark.parametrize("types", ["", "json"])
def test_a_row_of_a_table_has_its_own_fields(tmp_path: Path, form: str, types: str) -> None:
    lines = rows_of(read(tmp_path, *CALLS, columns={"messages": "messages", "tools": "tools"}))
    file = saved(tmp_path, form + types)
    table = rows_of(read_data(source(file, columns={"messages": "messages", "tools": "tools"})))
    found = [(row.messages, row.answer, row.tools) for row in table]
    assert found == [(row.messages, row.answer, row.tools) for row in lines]
    assert [row.key for row in table] == [row.key for row in lines]
    assert [row.columns["tools"] for row in table] == [row["tools"] for row in CALLS]


def test_other_columns_of_a_table_keep_their_nulls(tmp_path: Path) -> None:
    rows = [{"text": "a", "more": [{"x": 1}]}, {"text": "b", "more": [{"y": 2}]}]
    file = tmp_path / "rows.parquet"
    Dataset.from_list(rows).to_parquet(file)
    [first, _] = rows_of(read_data(source(file)))
    assert first.columns == {"more": [{"x": 1, "y": None}]}


def test_prompts_are_written_with_their_tools(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    rows = rows_of(read(tmp_path, {"messages": [USER, ANSWER], "tools": [RAIN]}, OTHER))
    chat = open_template((tokenizer,), "auto", rows)
    prompts = tokenise_prompts(rows, tokenizer, (0,), 400, chat)
    asked = f"{WRITTEN}<|turn|>user\nIs it raining?<|done|><|turn|>assistant\n"
    assert tokenizer.decode(prompts.tokens[0]) == asked
    assert "tool" not in tokenizer.decode(prompts.tokens[1])
    assert (prompts.tools_of(0), prompts.tools_of(1)) == ((RAIN,), None)
    # What is said is without them.
    assert str(prompts.texts[0]) == "Is it raining?"
    under = with_conditions(prompts, ["Be kind."], tokenizer, 400, chat, None).conditioned[0][0]
    assert tokenizer.decode(under).startswith(f"{WRITTEN}<|turn|>system\nBe kind.<|done|>")
    cut = tokenise_prompts(rows, tokenizer, (0,), len(prompts.tokens[0]) - 3, chat, "end")
    assert tokenizer.decode(cut.tokens[0]).startswith(f"{WRITTEN}<|turn|>user\nIs it")


@pytest.mark.parametrize("spelled", ["", "<|done|>"])
def test_fine_tuning_reads_tools_and_learns_calls(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, spelled: str
) -> None:
    asked = {"role": "user", "content": f"Is it raining?{spelled}"}
    data = read(tmp_path, {"messages": [asked, CALL, FOUND, CALL], "tools": [RAIN]}, OTHER)
    [talk] = [*data.good["train"], *data.good["test"]]
    [row] = supervise(tokenizer, [talk], 400, completion_only=True)
    call = "call rain<|done|>"
    assert tokenizer.decode(row.tokens) == (
        f"{WRITTEN}<|turn|>user\nIs it raining?{spelled}<|done|><|turn|>assistant\n{call}"
        f"<|turn|>tool\n<|done|><|turn|>assistant\n{call}"
    )
    assert tokenizer.decode([label for label in row.labels if label != IGNORED]) == call + call
    assert example_tokens(tokenizer, [talk]) == [row.tokens]


def test_control_tokens_that_a_tool_spells_are_words(tokenizer: PreTrainedTokenizerFast) -> None:
    talk = Conversation([USER, ANSWER], [tool("<|done|>")])
    [row] = supervise(tokenizer, [talk], 400, completion_only=False)
    assert json.dumps(tool("<|done|>")) in tokenizer.decode(row.tokens)
    done = tokenizer.convert_tokens_to_ids("<|done|>")
    assert row.tokens.count(done) == 3


def test_pairs_are_written_with_their_tools(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, without: PreTrainedTokenizerFast
) -> None:
    data = read(
        tmp_path,
        {"prompt": [USER], "chosen": [ANSWER], "rejected": [CALL], "tools": [RAIN]},
        {"prompt": "p", "chosen": "c", "rejected": "r", "tools": [RAIN]},
        use="preferences",
    )
    [spoken] = [split for split in data.rows if data.rows[split][0].messages is not None]
    [pair] = preference_pairs(data, spoken, tokenizer, "stages.rm.data")
    asked = f"{WRITTEN}<|turn|>user\nIs it raining?<|done|><|turn|>assistant\n"
    assert (pair.chosen, pair.rejected) == (f"{asked}Yes.<|done|>", f"{asked}call rain<|done|>")
    with pytest.raises(InputError, match=r"rows.jsonl:1: has tools, but .* does not") as caught:
        preference_pairs(data, spoken, without, "stages.rm.data")
    assert caught.value.key == "stages.rm.data.template"
    bare = deepcopy(without)
    bare.chat_template = None
    with pytest.raises(InputError, match=r"rows.jsonl:1: has tools, but no chat template"):
        preference_pairs(data, spoken, bare, "stages.rm.data")


def test_a_reward_model_reads_tools(tmp_path: Path) -> None:
    device = Device(torch.device("cpu"), torch.float32)
    text = ScoredText(Text.conversation("Is it raining?", "Yes."), messages=[USER], tools=[RAIN])
    blind = ScoredText(text.whole, messages=[USER])

    def scores(template: str) -> list[float]:
        folder = write_classifier(tmp_path / str(len(template)), "llama", labels=1, vocab_size=330)
        tokenizer = write_tokenizer(folder, MARKS)
        tokenizer.chat_template = template
        tokenizer.save_pretrained(folder)
        model = load_preference(ModelFolder(folder, "reward.0.model"), 1, device, "whole")
        return list(model.score_pairs([text, blind]).values)

    read, unread = scores(TEMPLATE)
    assert read != unread
    with pytest.raises(InputError, match=r"template \(of reward.0.model\).* reward.0.text to com"):
        scores(PLAIN)


def test_a_template_may_need_tools(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path, controls=MARKS)
    tokenizer.chat_template = EACH + PLAIN
    chat = ChatTemplate(tokenizer, "policy.model", "data.template")
    written = chat.write([USER], (RAIN,), "rows.jsonl:1", tokenize=False)
    assert written == f"{WRITTEN}<|turn|>user\nIs it raining?<|done|>"


def test_a_template_that_leaves_tools_out_is_refused(
    tmp_path: Path, without: PreTrainedTokenizerFast
) -> None:
    data = read(tmp_path, OTHER, {"messages": [USER, ANSWER], "tools": [RAIN]})
    rows = rows_of(data)
    chat = open_template((without,), "auto", rows)
    with pytest.raises(InputError, match=r"rows.jsonl:2: has tools, but the .* \(policy.model\)"):
        tokenise_prompts(rows, without, (0,), 400, chat)
    with pytest.raises(InputError, match="has tools, but") as caught:
        supervise(without, [*data.good["train"], *data.good["test"]], 400, completion_only=False)
    assert caught.value.key == "data.template"


@pytest.mark.parametrize("place", ["prompt", "answer"])
def test_a_template_that_leaves_calls_out_is_refused(tmp_path: Path, place: str) -> None:
    mute = write_tokenizer(tmp_path, controls=MARKS)
    mute.chat_template = PLAIN.replace("call {{ call.function.name }}", "")
    messages = [USER, CALL, FOUND, ANSWER] if place == "prompt" else [USER, CALL]
    data = read(tmp_path, OTHER, {"messages": messages})
    told = r"rows.jsonl:2: has tool calls, but the .* \(policy.model\) does not write them; name a"
    with pytest.raises(InputError, match=told) as caught:
        supervise(mute, [*data.good["train"], *data.good["test"]], 400, completion_only=False)
    assert caught.value.key == "data.template"
    rows = rows_of(data)
    chat = open_template((mute,), "auto", rows)
    if place == "prompt":
        with pytest.raises(InputError, match=told):
            tokenise_prompts(rows, mute, (0,), 400, chat)


def test_a_refused_conversation_is_named_by_its_row(tmp_path: Path) -> None:
    strict = write_tokenizer(tmp_path, controls=MARKS)
    strict.chat_template = (
        "{% if messages[-1].role == 'assistant' %}{{ raise_exception('no answers') }}{% endif %}"
        + PLAIN
    )
    data = read(tmp_path, OTHER, {"messages": [USER, ANSWER]})
    with pytest.raises(InputError, match=r"rows.jsonl:2: the chat template .* no answers; fix the"):
        supervise(strict, [*data.good["train"], *data.good["test"]], 400, completion_only=False)
    pair = {"chosen": [ANSWER], "rejected": [ANSWER | {"content": "No."}]}
    prompts = ({"prompt": [USER]}, {"prompt": [USER | {"content": "Then?"}]})
    data = read(tmp_path, *(prompt | pair for prompt in prompts), use="preferences")
    with pytest.raises(InputError, match=r"rows.jsonl:\d: .* no answers; fix the row") as caught:
        preference_pairs(data, "train", strict, "stages.rm.data")
    assert caught.value.key == "stages.rm.data.template"


def test_a_text_without_a_template_has_no_tools_and_no_calls(tmp_path: Path) -> None:
    key = "stages.lm.data"
    rows = ({"messages": [USER, CALL]}, {"messages": [USER, ANSWER], "tools": [RAIN]})
    for row, what in zip(rows, ("tool calls", "tools"), strict=True):
        data = read(tmp_path, row, {"messages": [FOUND | USER | {"content": "Then?"}, ANSWER]})
        [split] = [name for name, own in data.rows.items() if own[0].line == 1]
        with pytest.raises(InputError, match=f"rows.jsonl:1: has {what}, but a language") as caught:
            language_texts(data, source(tmp_path), split, key)
        assert caught.value.key == f"{key}.template"
        other = "test" if split == "train" else "train"
        assert language_texts(data, source(tmp_path), other, key) == ["Then?\n\nYes."]


def test_where_a_conversation_lies_is_not_what_is_learned(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    digests = []
    for folder in (here, there):
        folder.mkdir()
        good = read(folder, {"messages": [USER, ANSWER], "tools": [RAIN]}, OTHER).good
        [talk] = [*good["train"], *good["test"]]
        assert isinstance(talk, Conversation)
        assert talk.place == f"{folder}/rows.jsonl:1"
        digests.append(msgspec.json.encode(contents([talk, "a text"])))
    assert digests[0] == digests[1]
