"""Texts, prompts with completions, and conversations as token ids with labels.

A label is the token itself where its −log p counts in the loss, and `IGNORED` where it does not.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from transformers import PreTrainedTokenizerBase

from averse_worker.data.examples import Completion, Conversation, Example
from averse_worker.data.templates import OWN, ChatTemplate
from averse_worker.data.text import begun_once, template
from averse_worker.data.tokenise import as_prompt, encode, tokenise_texts
from averse_worker.wire.errors import InputError

IGNORED: Final = -100
"""a label that does not count, as torch's cross-entropy has it"""
_TEMPLATE: Final = "data.template"


@dataclass(frozen=True)
class Supervised:
    """One row to learn from; both of the same length."""

    tokens: list[int]
    labels: list[int]

    @property
    def counted(self) -> int:
        """Tokens in the loss: nothing predicts the first."""
        return sum(label != IGNORED for label in self.labels[1:])


def supervise(
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    max_tokens: int,
    *,
    completion_only: bool,
) -> list[Supervised]:
    """The rows of the examples, cut to `max_tokens`; those without a token in the loss are left
    out.

    Args:
        completion_only: labels on completions and on what assistants say, on nothing else.

    Raises:
        InputError: completions are asked for of texts that have none, or the chat template is
            missing or rewrites earlier messages.
    """
    texts = [example for example in examples if isinstance(example, str)]
    if completion_only and texts:
        raise InputError(
            f"sft.completion_only is true, but {len(texts)} of {len(examples)} rows are plain "
            "texts; give rows with prompt and completion or with messages (data.columns), or set "
            "it to false",
            key="sft.completion_only",
        )
    plain = iter(tokenise_texts(tokenizer, texts, max_tokens, keep_empty=True))
    pieces_of = _cutter(tokenizer)
    rows = []
    for example in examples:
        if isinstance(example, str):
            tokens = next(plain)
            row = Supervised(tokens, list(tokens))
        else:
            pieces = pieces_of(example)
            tokens = [token for ids, _ in pieces for token in ids]
            labels = [
                token if said or not completion_only else IGNORED
                for ids, said in pieces
                for token in ids
            ]
            row = Supervised(tokens[:max_tokens], labels[:max_tokens])
        if row.counted:
            rows.append(row)
    return rows


def example_tokens(
    tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example]
) -> list[list[int]]:
    """Token ids of whole examples, of texts as the tokenizer has them.

    Raises:
        InputError: as `supervise`.
    """
    texts = iter(encode(tokenizer, [one for one in examples if isinstance(one, str)]))
    pieces_of = _cutter(tokenizer)
    return [
        next(texts)
        if isinstance(example, str)
        else [token for ids, _ in pieces_of(example) for token in ids]
        for example in examples
    ]


Pieces = list[tuple[list[int], bool]]
"""the tokens of an example in their order, and whether they are what is to be learned"""


def _cutter(tokenizer: PreTrainedTokenizerBase) -> Callable[[Completion | Conversation], Pieces]:
    around = template(tokenizer)
    chat = ChatTemplate(tokenizer, OWN, _TEMPLATE)

    def pieces_of(example: Completion | Conversation) -> Pieces:
        if isinstance(example, Completion):
            return _completion_pieces(tokenizer, around, example)
        return _conversation_pieces(tokenizer, chat, example)

    return pieces_of


def _completion_pieces(
    tokenizer: PreTrainedTokenizerBase, around: tuple[list[int], list[int]], example: Completion
) -> Pieces:
    """The prompt's tokens are those that it has alone, as when the policy is given it; control
    tokens written in either are control tokens.

    Args:
        around: as of `template`.
    """
    end = tokenizer.eos_token_id
    before, after = around
    texts = [example.prompt, example.prompt + example.completion]
    prompt, whole = encode(tokenizer, texts, markers=True)
    prompt, whole = as_prompt(prompt, before, after), begun_once(whole, before)
    if whole[: len(prompt)] == prompt:
        completion = whole[len(prompt) :]
    else:  # a token across the boundary
        completion = tokenizer(example.completion, add_special_tokens=False).input_ids
    closed = completion if completion[-1:] == [end] else [*completion, end]
    return [(prompt, False), (closed, True)]


def _conversation_pieces(
    tokenizer: PreTrainedTokenizerBase, chat: ChatTemplate, example: Conversation
) -> Pieces:
    if not tokenizer.chat_template:
        raise InputError(
            f"{example.place}: is a conversation, but the model's tokenizer has no chat template; "
            f"set {_TEMPLATE} to a template file, or use a model with one",
            key=_TEMPLATE,
        )
    messages = [dict(message) for message in example.messages]
    # Words of a message that spell a control token stay words: the template's whole rendering is
    # encoded at once then, and split by its tokens. Otherwise, as everywhere, by its text.
    spelled = _spells_a_control_token(tokenizer, messages, example.tools)

    def rendered(count: int, *, ask: bool) -> Any:
        found = chat.write(
            messages[:count],
            example.tools,
            example.place,
            tokenize=spelled,
            sanitize_control_tokens=spelled,
            add_generation_prompt=ask,
        )
        return list(found) if spelled else found

    pieces: list[tuple[Any, bool]] = []
    written: Any = [] if spelled else ""
    for place, message in enumerate(messages):
        if message.get("role") != "assistant":
            continue
        asked, answered = rendered(place, ask=True), rendered(place + 1, ask=False)
        if asked[: len(written)] != written or answered[: len(asked)] != asked:
            raise InputError(
                f"{example.place}: the chat template writes earlier messages differently once "
                "others follow, so that what the assistant says cannot be told apart; give rows "
                f"with prompt and completion, or another template in {_TEMPLATE}",
                key=_TEMPLATE,
            )
        pieces += [(asked[len(written) :], False), (answered[len(asked) :], True)]
        written = answered
    whole = rendered(len(messages), ask=False)
    if whole[: len(written)] == written:
        pieces.append((whole[len(written) :], False))
    if spelled:
        return [piece for piece in pieces if piece[0]]
    return [
        (tokenizer(text, add_special_tokens=False).input_ids, said) for text, said in pieces if text
    ]


def _spells_a_control_token(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None,
) -> bool:
    added = [str(token) for token in tokenizer.added_tokens_decoder.values()]
    said = [message["content"] for message in messages]
    said += [json.dumps(one["tool_calls"], default=str) for one in messages if "tool_calls" in one]
    if tools:
        said.append(json.dumps(tools, default=str))
    return any(token in words for words in said for token in added)
