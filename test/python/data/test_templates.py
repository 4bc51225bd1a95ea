"""Chat templates: what the policy is given, what scorers read, and what is done with long chats."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from averse_worker.data.examples import Conversation
from averse_worker.data.rows import Row, conversation_text
from averse_worker.data.supervision import IGNORED, supervise
from averse_worker.data.templates import ChatTemplate, open_template
from averse_worker.data.tokenise import Prompts, tokenise_prompts
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.base import uint32_array, uint32_bytes
from averse_worker.wire.messages.training import TextsPayload
from payloads import data_source, load_payload, rollout_payload
from tiny_models import no_report, write_language_model, write_tokenizer

MARKS = ("<|turn|>", "<|done|>")
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content | trim }}<|done|>"
    "{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    found = write_tokenizer(tmp_path_factory.mktemp("chat"), controls=MARKS)
    found.chat_template = TEMPLATE
    return found


def message(content: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content}


def chat_row(*messages: dict[str, Any], id: int = 0) -> Row:
    return Row(id, conversation_text(messages), False, "rows.jsonl", line=id + 1, messages=messages)


def tokenised(
    tokenizer: PreTrainedTokenizerFast, rows: list[Row], tokens: int = 64, truncate: Any = None
) -> Prompts:
    chat = open_template((tokenizer,), "auto", rows)
    return tokenise_prompts(rows, tokenizer, (0,), tokens, chat, truncate)


def test_a_conversation_is_rendered_with_the_beginning_of_an_answer(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    prompts = tokenised(tokenizer, [chat_row(message("the film"), message("was bad"))])
    assert tokenizer.decode(prompts.tokens[0]) == (
        "<|endoftext|><|turn|>user\nthe film<|done|>"
        "<|turn|>user\nwas bad<|done|><|turn|>assistant\n"
    )
    assert str(prompts.texts[0]) == prompts.texts[0].written == "the film\n\nwas bad"
    assert prompts.messages_of(0) == (message("the film"), message("was bad"))


@given(st.lists(st.sampled_from([*MARKS, "<|endoftext|>", "film", " "]), max_size=6).map("".join))
def test_control_tokens_that_a_message_spells_are_words(text: str) -> None:
    content = f"a{text}b"
    tokenizer = CHAT
    [ids] = tokenised(tokenizer, [chat_row(message(content))], 512).tokens
    marks = set(tokenizer.convert_tokens_to_ids([*MARKS, "<|endoftext|>"]))
    assert [token for token in ids if token in marks] == [
        tokenizer.convert_tokens_to_ids(mark)
        for mark in ("<|endoftext|>", "<|turn|>", "<|done|>", "<|turn|>")
    ]
    assert content in tokenizer.decode(ids)


CHAT: Any = None


@pytest.fixture(autouse=True)
def _shared(tokenizer: PreTrainedTokenizerFast) -> None:
    global CHAT
    CHAT = tokenizer


@given(
    st.lists(st.sampled_from(["the film", "was very bad " * 3, "a"]), min_size=1, max_size=4),
    st.integers(18, 60),
    st.sampled_from(["start", "end"]),
)
def test_long_conversations_are_cut_between_the_templates_own_tokens(
    contents: list[str], limit: int, side: str
) -> None:
    row = chat_row(message("kind", "system"), *map(message, contents))
    chat = ChatTemplate(CHAT, "policy.model", "data")
    whole = chat.tokens(row.messages or (), "")
    if len(whole) <= limit:
        assert tokenised(CHAT, [row], limit, side).tokens == [whole]
        return
    least = chat.tokens([*(row.messages or ())[:-1], message("a")], "")
    if side == "start":
        least = chat.tokens([message("kind", "system"), message("a")], "")
    if len(least) > limit:
        with pytest.raises(InputError, match="tokens without its last message"):
            tokenised(CHAT, [row], limit, side)
        return
    prompts = tokenised(CHAT, [row], limit, side)
    text = CHAT.decode(prompts.tokens[0])
    assert len(prompts.tokens[0]) <= limit
    assert prompts.truncated == 1
    assert text.startswith("<|endoftext|><|turn|>system\nkind<|done|><|turn|>user\n")
    assert text.endswith("<|done|><|turn|>assistant\n")


@given(st.lists(st.sampled_from([*MARKS, "<|endoftext|>", "film"]), max_size=4).map("".join))
def test_fine_tuning_reads_control_tokens_of_messages_as_words(text: str) -> None:
    talk = Conversation([message(f"a{text}"), message(f"b{text}", "assistant")])
    [row] = supervise(CHAT, [talk], 512, completion_only=True)
    marks = [CHAT.convert_tokens_to_ids(mark) for mark in (*MARKS, "<|endoftext|>")]
    turn, done, begin = marks
    assert [token for token in row.tokens if token in marks] == [begin, turn, done, turn, done]
    answer = [label for label in row.labels if label != IGNORED]
    assert CHAT.decode(answer) == f"b{text}<|done|>"


def test_long_conversations_are_refused_or_dropped(tokenizer: PreTrainedTokenizerFast) -> None:
    rows = [chat_row(message("a")), chat_row(message("the film was bad " * 9), id=1)]
    with pytest.raises(
        InputError, match=r"rows.jsonl:2: the prompt has \d+ tokens, over"
    ) as caught:
        tokenised(tokenizer, rows, 30)
    assert caught.value.key == "data.truncate"
    prompts = tokenised(tokenizer, rows, 30, "drop")
    assert prompts.ids.tolist() == [0]
    assert prompts.dropped == 1
    with pytest.raises(InputError, match="all 2 prompts have more than"):
        tokenised(tokenizer, rows, 1, "drop")


@pytest.mark.parametrize(
    ("truncate", "expected"),
    [("end", "the film was"), ("start", "was very good"), (None, "the film was")],
)
def test_texts_are_cut_at_the_side_that_is_named(
    tokenizer: PreTrainedTokenizerFast, truncate: Any, expected: str
) -> None:
    row = Row(0, "the film was very good", False, "rows.csv", line=2)
    whole = tokenise_prompts([row], tokenizer, (0,), 99).tokens[0]
    limit = len(tokenizer(expected).input_ids)
    prompts = tokenise_prompts([row], tokenizer, (0,), limit, None, truncate)
    assert prompts.texts[0].strip() == expected
    assert prompts.tokens[0][0] == whole[0] == tokenizer.bos_token_id
    assert prompts.truncated == 1


def test_missing_wrong_and_unwanted_templates_are_refused(tmp_path: Path) -> None:
    plain = write_tokenizer(tmp_path, controls=MARKS)
    rows = [chat_row(message("a"))]
    with pytest.raises(InputError, match="has no chat template; name a Jinja file"):
        open_template((plain,), "auto", rows)
    with pytest.raises(InputError, match=r"rows.jsonl:1: is a conversation, but data.template is"):
        open_template((plain,), "none", rows)
    with pytest.raises(InputError, match="cannot be read as a template"):
        open_template((plain,), str(tmp_path / "none.jinja"), rows)
    assert open_template((plain,), "auto", [Row(0, "text", False, "a")]) is None
    file = tmp_path / "strict.jinja"
    file.write_text("{{ raise_exception('no system messages') }}")
    chat = open_template((plain,), str(file), rows)
    assert chat is not None
    with pytest.raises(InputError, match=r"rows.jsonl:1: .* refuses .*: no system messages"):
        tokenise_prompts(rows, plain, (0,), 9, chat)


def test_a_chat_model_is_trained_on_conversations(tmp_path: Path) -> None:
    """From messages in a file to SFT, rollout and texts, with the template's file."""
    folder = write_language_model(tmp_path / "model")
    write_tokenizer(folder, controls=MARKS)
    (tmp_path / "chat.jinja").write_text(TEMPLATE)
    rows = [
        {"messages": [message(f"the film {i}"), message("was good", "assistant")], "topic": i}
        for i in range(24)
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    engine = TorchEngine()
    source = data_source(str(data), template=str(tmp_path / "chat.jinja"))
    payload = load_payload(policy__model=str(folder), data__source=source, data__prompt_tokens=32)
    loaded = engine.load(payload, no_report)
    assert loaded.template == str(tmp_path / "chat.jinja")
    assert loaded.rows.train.good == loaded.rows.train.kept
    assert set(loaded.digests.data) == {"rows.jsonl", "chat.jinja"}
    ids = uint32_array(loaded.train.ids)[:4]
    result = engine.rollout(rollout_payload(ids), no_report)
    texts = engine.texts(
        TextsPayload(rollout=result.rollout, episodes=uint32_bytes([0, 1])), no_report
    ).texts
    assert [one.prompt for one in texts] == [f"the film {i}" for i in ids[:2]]
    assert not any(mark in one.completion for one in texts for mark in MARKS)
