"""Prompts with an instruction before them: plain ones, conversations, and what does not fit."""

from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from averse_worker.data.rows import Row, conversation_text
from averse_worker.data.templates import open_template
from averse_worker.data.tokenise import Prompts, require_room, tokenise_prompts, with_conditions
from averse_worker.wire.errors import InputError
from tiny_models import write_tokenizer

TOLD = "be kind"
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content | trim }}<|done|>"
    "{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    found = write_tokenizer(tmp_path_factory.mktemp("told"), controls=("<|turn|>", "<|done|>"))
    found.chat_template = TEMPLATE
    return found


def instructed(
    tokenizer: PreTrainedTokenizerFast,
    row: Row,
    tokens: int = 64,
    truncate: Any = None,
    told: str = TOLD,
) -> Prompts:
    chat = open_template((tokenizer,), "auto", [row])
    plain = tokenise_prompts([row], tokenizer, (0,), tokens, chat, truncate)
    return with_conditions(plain, [told], tokenizer, tokens, chat, truncate)


def plain_row(text: str) -> Row:
    return Row(0, text, False, "rows.csv")


def chat_row(*messages: tuple[str, str]) -> Row:
    said = tuple({"role": role, "content": content} for role, content in messages)
    return Row(0, conversation_text(said), False, "rows.jsonl", messages=said)  # type: ignore[arg-type]


def test_a_plain_prompt_has_it_before_its_own_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    prompts = instructed(tokenizer, plain_row(" the film was"), tokens=3)
    words = tokenizer(TOLD, add_special_tokens=False).input_ids
    [tokens] = prompts.tokens
    assert len(tokens) == 3
    # The text's begin comes first, and what was cut off stays cut off.
    assert prompts.conditioned == [[[tokens[0], *words, *tokens[1:]]]]
    assert prompts.under(0) == prompts.conditioned[0]
    assert prompts.under(None) == prompts.tokens
    assert TOLD not in str(prompts.texts[0])


def test_a_conversation_has_it_in_the_system_message(tokenizer: PreTrainedTokenizerFast) -> None:
    [told] = instructed(tokenizer, chat_row(("user", "the film"))).conditioned[0]
    assert tokenizer.decode(told) == (
        "<|endoftext|><|turn|>system\nbe kind<|done|><|turn|>user\nthe film<|done|>"
        "<|turn|>assistant\n"
    )
    prompts = instructed(tokenizer, chat_row(("system", "say little"), ("user", "the film")))
    assert tokenizer.decode(prompts.conditioned[0][0]).startswith(
        "<|endoftext|><|turn|>system\nbe kind\n\nsay little<|done|><|turn|>user"
    )
    assert TOLD not in str(prompts.texts[0])


def test_of_a_conversation_that_was_cut_as_much_is_cut(tokenizer: PreTrainedTokenizerFast) -> None:
    row = chat_row(("user", "the film was dull"), ("assistant", "so it was"), ("user", "the plot"))
    whole = instructed(tokenizer, row)
    limit = len(whole.tokens[0]) - 4
    cut = instructed(tokenizer, row, tokens=limit, truncate="start")
    assert len(cut.tokens[0]) <= limit
    added = len(whole.conditioned[0][0]) - len(whole.tokens[0])
    assert len(cut.conditioned[0][0]) == len(cut.tokens[0]) + added
    assert tokenizer.decode(cut.conditioned[0][0]).endswith("the plot<|done|><|turn|>assistant\n")


def test_what_leaves_no_room_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    prompts = instructed(tokenizer, plain_row(" the film was"))
    longest = len(prompts.conditioned[0][0])
    require_room(prompts, 10, longest + 10)
    with pytest.raises(InputError) as refusal:
        require_room(prompts, 11, longest + 10)
    assert refusal.value.key == "rollout.prompt_tokens"


def test_one_without_tokens_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(InputError) as refusal:
        instructed(tokenizer, plain_row(" the film was"), told="")
    assert refusal.value.key == "decoding.instruction"
