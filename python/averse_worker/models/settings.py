"""The settings in a model's own files, and whether each is used or overridden on purpose.

Part of every load result, so that the record of a run has them. Values are for people to read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.models.folder import ModelFolder
from averse_worker.models.window import window_of
from averse_worker.wire.messages.data import Truncate

_SAMPLING: Final = (
    *("do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty"),
    *("no_repeat_ngram_size", "max_length", "max_new_tokens", "bad_words_ids", "num_beams"),
    *("suppress_tokens", "begin_suppress_tokens", "forced_eos_token_id"),
)
"""settings of generation_config.json that would change what is sampled"""
_CUT: Final[Mapping[Truncate, str]] = {
    "end": "prompts keep their first tokens",
    "start": "prompts keep their last tokens",
    "refuse": "longer prompts are refused",
    "drop": "longer prompts are left out",
}
_LONGEST: Final = 200
"""characters of a value"""


def language_model_settings(
    folder: ModelFolder,
    tokenizer: PreTrainedTokenizerBase,
    end_tokens: Sequence[int],
    template: str | None,
    truncate: Truncate | None,
) -> dict[str, str]:
    """Of a policy.

    Args:
        template: whose chat template writes its prompts; None: none does.
        truncate: as of `tokenise_prompts`.
    """
    unused = "not used" if tokenizer.chat_template else "none"
    cut = _CUT[truncate or ("end" if template is None else "refuse")]
    generation = folder.json("generation_config.json") or {}
    sampling = {name: generation[name] for name in _SAMPLING if generation.get(name) is not None}
    return {
        "end_tokens": _tokens(tokenizer, end_tokens),
        "padding": _padding(tokenizer),
        "around_texts": around_texts(tokenizer),
        "chat_template": unused if template is None else f"that of {template}",
        "generation": f"not used: {_shown(sampling)}" if sampling else "none",
        "truncation": f"{cut} (the folder: {tokenizer.truncation_side})",
    }


def classifier_settings(
    tokenizer: PreTrainedTokenizerBase,
    model: PreTrainedModel,
    names: Sequence[str],
    indices: Sequence[int],
    score: str,
) -> dict[str, str]:
    """Of a reward model or judge; to be called before anything in them is replaced."""
    config = model.config
    listed = ", ".join(f"{i} '{name}'" for i, name in enumerate(names))
    chosen = ", ".join(f"{i} '{names[i]}'" for i in indices)
    pad = config.get_text_config().pad_token_id
    return {
        "class": f"{chosen} of {_cut(listed)}",
        "score": f"{score} ({config.problem_type or 'no problem_type'})",
        "window": f"{window_of(tokenizer, model)} tokens",
        "truncation": f"texts lose their beginning (the folder: {tokenizer.truncation_side})",
        "padding": f"hidden from the score (config.pad_token_id: {pad})",
        "around_texts": around_texts(tokenizer),
    }


def around_texts(tokenizer: PreTrainedTokenizerBase) -> str:
    """What the tokenizer adds to every text."""
    inner: list[int] = tokenizer("a", add_special_tokens=False).input_ids
    whole: list[int] = tokenizer("a").input_ids
    if whole == inner:
        return "nothing"
    return " ".join(tokenizer.convert_ids_to_tokens([i for i in whole if i not in inner]))


def _padding(tokenizer: PreTrainedTokenizerBase) -> str:
    if tokenizer.pad_token_id is None:
        return "the end of text, as the tokenizer has none"
    return _tokens(tokenizer, [tokenizer.pad_token_id])


def _tokens(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    names = tokenizer.convert_ids_to_tokens(list(ids))
    return _cut(", ".join(f"{i} '{name}'" for i, name in zip(ids, names, strict=True)))


def _shown(values: Mapping[str, Any]) -> str:
    return _cut(", ".join(f"{name} {value}" for name, value in values.items()))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
