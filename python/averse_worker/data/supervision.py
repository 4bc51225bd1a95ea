"""Texts, prompts with completions, and conversations as token ids with labels.

A label is the token itself where its −log p counts in the loss, and `IGNORED` where it does not.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from transformers import PreTrainedTokenizerBase

from averse_worker.data.examples import Completion, Conversation, Example
from averse_worker.data.templates import OWN, TemplateTools
from averse_worker.data.text import begun_once, template
from averse_worker.data.tokenise import as_prompt, encode, tokenise_texts
from averse_worker.wire.errors import InputError

IGNORED: Final = -100
"""a label that does not count, as torch's cross-entropy has it"""


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
    keys: tuple[str, str] = ("sft.completion_only", "data.template"),
) -> list[Supervised]:
    """The rows of the examples, cut to `max_tokens`; those without a token in the loss are left
    out.

    Args:
        completion_only: labels on completions and on what assistants say, on nothing else.
        keys: config keys of `completion_only` and of the chat template, for errors.

    Raises:
        InputError: completions are asked for of texts that have none, or the chat template is
            missing or rewrites earlier messages.
    """
    texts = [example for example in examples if isinstance(example, str)]
    if completion_only and texts:
        raise InputError(
            f"{keys[0]} is true, but {len(texts)} of {len(examples)} rows are plain texts; give "
            "rows with prompt and completion or with messages (data.columns), or set it to false",
            key=keys[0],
        )
    plain = iter(tokenise_texts(tokenizer, texts, max_tokens, keep_empty=True))
    around = template(tokenizer)
    allowed = _template_tools(tokenizer, keys[1])
    rows = []
    for example in examples:
        if isinstance(example, str):
            tokens = next(plain)
            row = Supervised(tokens, list(tokens))
        else:
            if isinstance(example, Completion):
                pieces = _completion_pieces(tokenizer, around, example)
            else:
                pieces = _conversation_pieces(tokenizer, allowed, example, keys[1])
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
    around = template(tokenizer)
    allowed = _template_tools(tokenizer, "data.template")
    rows = []
    for example in examples:
        if isinstance(example, str):
            rows.append(next(texts))
            continue
        if isinstance(example, Completion):
            pieces = _completion_pieces(tokenizer, around, example)
        else:
            pieces = _conversation_pieces(tokenizer, allowed, example, "data.template")
        rows.append([token for ids, _ in pieces for token in ids])
    return rows


def _completion_pieces(
    tokenizer: PreTrainedTokenizerBase, around: tuple[list[int], list[int]], example: Completion
) -> list[tuple[list[int], bool]]:
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


def _template_tools(tokenizer: PreTrainedTokenizerBase, key: str) -> TemplateTools:
    return TemplateTools(tokenizer, OWN, f"name a Jinja file that does in {key}", key)


def _conversation_pieces(
    tokenizer: PreTrainedTokenizerBase, allowed: TemplateTools, example: Conversation, key: str
) -> list[tuple[list[int], bool]]:
    if not tokenizer.chat_template:
        raise InputError(
            "the rows are conversations, but the model's tokenizer has no chat template; set "
            f"{key} to a template file, or use a model with one",
            key=key,
        )
    messages = [dict(message) for message in example.messages]
    tools = allowed.of(messages, example.tools, "a conversation")

    # Words of a message that spell a control token stay words: the template's whole rendering is
    # encoded at once then, and split by its tokens. Otherwise, as everywhere, by its text.
    spelled = _spells_a_control_token(tokenizer, messages, tools)

    def rendered(count: int, *, ask: bool) -> Any:
        found = tokenizer.apply_chat_template(
            messages[:count],
            tools=tools,
            tokenize=spelled,
            sanitize_control_tokens=spelled,
            add_generation_prompt=ask,
            return_dict=False,
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
                "the chat template writes earlier messages differently once others follow, so that "
                "what the assistant says cannot be told apart; give rows with prompt and "
                f"completion, or another template in {key}",
                key=key,
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
