"""Control tokens: never made of words, and given to those who know them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from averse_worker.data.examples import Completion
from averse_worker.data.rows import Row
from averse_worker.data.supervision import IGNORED, example_tokens, supervise
from averse_worker.data.text import (
    Control,
    Text,
    completion_of,
    control_tokens,
    read_tokens,
    template,
)
from averse_worker.data.tokenise import encode, tokenise_prompts, tokenise_texts, whole_prompts
from averse_worker.training.stage import classifier_rows
from tiny_models import WORDS, write_tokenizer

END, TURN, STOP = "<|endoftext|>", "<|turn|>", "<|stop|>"


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    """Puts `<|endoftext|>` in front, and knows two markers."""
    return write_tokenizer(tmp_path_factory.mktemp("chat"), controls=[TURN, STOP])


def ids(tokenizer: PreTrainedTokenizerFast, *tokens: str) -> list[int]:
    found: list[int] = tokenizer.convert_tokens_to_ids(list(tokens))
    return found


running = st.lists(
    st.sampled_from([*WORDS, END, TURN, STOP, "<|pad|>", " ", "<|"]), min_size=1, max_size=12
).map(" ".join)


@given(running)
def test_words_that_spell_a_control_token_stay_words(
    chat: PreTrainedTokenizerFast, text: str
) -> None:
    known = control_tokens(chat).keys()
    (prompt,) = encode(chat, [text])
    assert prompt[0] == chat.bos_token_id
    assert not known & set(prompt[1:])
    (learned,) = tokenise_texts(chat, [text], 1000)
    assert learned == [*prompt, chat.eos_token_id]
    # A scorer and a reader get them back as words.
    (read,) = read_tokens(chat, [0], [prompt])
    assert (str(read), read.pieces, read.written) == (text, (text,), text)


@given(st.lists(st.sampled_from([*WORDS, END, TURN, STOP]), min_size=1, max_size=8))
def test_control_tokens_and_words_that_spell_them_are_told_apart(
    chat: PreTrainedTokenizerFast, words: list[str]
) -> None:
    """The same spellings, once as control tokens and once as words, in one text."""
    tokens: list[int] = [0]
    expected: list[str | Control] = []
    for i, word in enumerate(words):
        control = word in (END, TURN, STOP) and i % 2 == 0
        tokens += ids(chat, word) if control else next(encode(chat, [word]))[1:]
        if control:
            expected.append(Control(word))
        elif expected and isinstance(expected[-1], str):
            expected[-1] += word
        else:
            expected.append(word)
    (read,) = read_tokens(chat, [0], [tokens])
    assert list(read.pieces) == expected
    assert str(read) == "".join(p for p in expected if isinstance(p, str))
    assert read.written == "".join(words)


def test_a_ready_made_prompt_keeps_its_markers(chat: PreTrainedTokenizerFast) -> None:
    written = f"{TURN}we saw it{STOP}{TURN}"
    rows = [Row(0, written, False, "a:1", markers=True), Row(1, written, True, "a:2")]
    prompts = tokenise_prompts(rows, chat, [0], 100)
    turn, stop = ids(chat, TURN, STOP)
    assert prompts.tokens[0][:2] == [0, turn]
    assert prompts.tokens[0][-2:] == [stop, turn]
    assert not {turn, stop} & set(prompts.tokens[1])
    assert [text.written for text in prompts.texts] == [written, written]
    assert [str(text) for text in prompts.texts] == ["we saw it", written]


def test_a_data_set_goes_through_a_tokenizer_in_parts(
    chat: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it at once would take thirty times its memory, which stays with the process."""
    texts = [" good" * (1 + i % 5) + END * (i % 2) for i in range(1000)]
    rows = [Row(i, text, True, "a file", markers=i % 3 == 0) for i, text in enumerate(texts)]
    alone = {
        markers: [next(encode(chat, [text], markers=markers)) for text in texts]
        for markers in (False, True)
    }
    most = 0
    whole = type(chat).__call__

    def counted(self: Any, text: Any, *rest: Any, **options: Any) -> Any:
        nonlocal most
        most = max(most, len(text) if isinstance(text, list) else 1)
        return whole(self, text, *rest, **options)

    monkeypatch.setattr(type(chat), "__call__", counted)
    found = list(whole_prompts(rows, chat, None))
    assert found == [alone[row.markers][at] for at, row in enumerate(rows)]
    assert [row[:-1] for row in tokenise_texts(chat, texts, 99)] == alone[False]
    classifier_rows(chat, texts, 3)
    example_tokens(chat, texts)
    assert 1 < most < 300


def test_the_token_that_begins_a_text_comes_once(chat: PreTrainedTokenizerFast) -> None:
    """Chat templates write it, and the tokenizer would put another in front."""
    rows = [Row(0, f"{END}{TURN}we", False, "a:1", markers=True), Row(1, "we", False, "a:2")]
    prompts = tokenise_prompts(rows, chat, [0], 100)
    assert prompts.tokens[0][:2] == [0, *ids(chat, TURN)]
    assert prompts.tokens[1][:1] == [0]
    assert prompts.texts[0].written == f"{TURN}we"


@pytest.mark.parametrize("template", [f"$A {END}", f"{TURN} $A {END}", f"{END} $A {END}"])
def test_what_a_tokenizer_puts_behind_every_text_is_no_part_of_a_prompt(
    tmp_path: Path, template: str
) -> None:
    tokenizer = write_tokenizer(tmp_path, controls=[TURN, STOP], template=template)
    inner: list[int] = tokenizer("we saw it", add_special_tokens=False).input_ids
    row = Row(0, "we saw it", False, "a:1")
    for most in (100, len(inner)):
        (tokens,) = tokenise_prompts([row], tokenizer, [0], most).tokens
        assert len(tokens) <= most
        assert tokens[-1] in inner
    (learned,) = tokenise_texts(tokenizer, ["we saw it"], 100)
    assert learned[-2:] == [inner[-1], tokenizer.eos_token_id]


CLS, SEP = "<|cls|>", "<|sep|>"
AROUND = [f"{CLS} $A {SEP}", f"{TURN} {CLS} $A", f"$A {STOP} {SEP}"]
"""of tokenizers such as BERT's, which Chinese GPT-2s have, and GLM's: neither bos nor eos"""


@pytest.mark.parametrize("around", AROUND)
def test_what_a_tokenizer_puts_around_every_text_is_no_part_of_it(
    tmp_path: Path, around: str
) -> None:
    controls = [TURN, STOP, CLS, SEP]
    tokenizer = write_tokenizer(tmp_path, controls, template=around, bos_token=None)
    before, after = template(tokenizer)
    assert before + after
    words: list[int] = tokenizer("we saw it", add_special_tokens=False).input_ids
    spelled = tokenizer.decode(before)
    rows = [
        Row(0, "we saw it", False, "a:1"),
        Row(1, f"{spelled}we saw it", False, "a:2", markers=True),
    ]
    prompts = tokenise_prompts(rows, tokenizer, [0], 100)
    assert prompts.tokens == [[*before, *words]] * 2
    assert [text.written for text in prompts.texts] == ["we saw it"] * 2
    room = len(before) + 2
    cut = tokenise_prompts(rows, tokenizer, [0], room, truncate="start")
    assert cut.tokens == [[*before, *words[-2:]]] * 2
    # Its response ends as that of a running text, not as a turn of a chat.
    (text,) = read_tokens(tokenizer, [0], prompts.tokens[:1], [[*words, 0]])
    assert text.written == text == "we saw itwe saw it"
    # Fine-tuning on a completion gives the prompt as sampling does.
    [row] = supervise(tokenizer, [Completion("we saw it", " so good")], 64, completion_only=True)
    assert row.tokens[: len(prompts.tokens[0])] == prompts.tokens[0]
    assert row.labels.count(IGNORED) == len(prompts.tokens[0])


@pytest.mark.parametrize("text", [f"{TURN}we saw it{STOP}{TURN}", f"{END}we{TURN}", "we saw"])
def test_a_ready_made_prompt_is_learned_as_it_is_given(
    chat: PreTrainedTokenizerFast, text: str
) -> None:
    row = Row(0, text, True, "a:1", markers=True, completion=f" good{STOP}")
    (given,) = tokenise_prompts([row], chat, [0], 100).tokens
    examples = [Completion(text, f" good{STOP}")]
    [learned] = supervise(chat, examples, 100, completion_only=True)
    assert learned.tokens[: len(given)] == given
    stop, end = ids(chat, STOP, END)
    assert learned.tokens[-2:] == [stop, end]
    assert example_tokens(chat, examples) == [learned.tokens]


def test_the_end_of_a_text_is_none_of_its_words_and_the_end_of_a_turn_is(
    chat: PreTrainedTokenizerFast,
) -> None:
    stop, turn = ids(chat, STOP, TURN)
    (words,) = encode(chat, [" good"])
    response = words[1:]
    (plain,) = read_tokens(chat, [0, stop], [[0, *words[1:]]], [[*response, stop]])
    assert plain.written == plain == " good good"
    (cut,) = read_tokens(chat, [0, stop], [[0, turn, *words[1:]]], [response])
    assert cut.written == f"{TURN} good good"
    (ended,) = read_tokens(chat, [0, stop], [[0, turn, *words[1:]]], [[*response, stop]])
    assert ended.written == f"{TURN} good good{STOP}"
    assert ended == " good good"
    assert ended.completion == " good"


@given(st.text(), st.text())
def test_a_completion_is_what_follows_the_prompt(prompt: str, more: str) -> None:
    assert Text(prompt + more, (), prompt).completion == more


def test_a_character_that_spans_prompt_and_completion_belongs_to_the_completion() -> None:
    assert Text("caf\u00e9!", (), "caf\ufffd").completion == "\u00e9!"


def test_a_completion_is_written_as_the_rest_of_the_whole() -> None:
    assert completion_of("once", Text("once upon")) == " upon"
    assert completion_of("once", Text("once")) == ""
    # A character that spans both comes out otherwise than in the prompt alone.
    assert completion_of("caf\ufffd", Text("café")) == "café"
