"""Loads a policy and its reference, and checks that they fit the tokens asked of them."""

from typing import Final

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.models.declared import end_token_ids
from averse_worker.models.folder import ModelFolder
from averse_worker.models.kernels.log_probs import TokenRule, forbidden_tokens
from averse_worker.models.policy import Policy, padding_token
from averse_worker.models.pretrained import load_pretrained
from averse_worker.platform.device import Device
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import LoadPayload

_POSITION_TABLES: Final = ("position_embeddings", "embed_positions", "wpe")
"""names of learned positions in transformers' models"""


def load_policy(
    payload: LoadPayload,
    folder: ModelFolder,
    reference: ModelFolder | None,
    device: Device,
) -> Policy:
    """The policy in `folder`, measured against `reference` (None: against itself as loaded).

    Raises:
        InputError: files are missing or corrupt, the tokenizer lacks a token, prompts and
            responses exceed the context, or the two models have different vocabularies.
    """
    # With LoRA the base is frozen and may rest in the compute format; what is trained may not.
    dtype = device.dtype if payload.policy.adapter else torch.float32
    own = load_pretrained(folder, "language model", dtype)
    causal, tokenizer = own.model, own.tokenizer
    _check_context(folder, context_of(causal), payload)
    ends = _end_tokens(folder, tokenizer, causal.get_output_embeddings().weight.shape[0])
    other = None
    if reference is not None:
        measure = load_pretrained(reference, "language model", dtype)
        _check_same_vocabulary(reference, measure.tokenizer, tokenizer)
        other = measure.model
    rule = TokenRule(
        payload.rollout.temperature,
        forbidden_tokens(
            padding_token(tokenizer),
            ends,
            len(tokenizer),
            causal.get_output_embeddings().weight.shape[0],
        ),
        ends,
    )
    torch.manual_seed(payload.seed)  # LoRA's first values
    return Policy(
        causal,
        tokenizer,
        rule,
        device,
        adapter=payload.policy.adapter,
        critic=payload.training.critic,
        reference=other,
    )


def context_of(model: PreTrainedModel) -> int:
    """Positions of the model, in tokens; 2³¹ − 1 where nothing sets a limit."""
    config = model.config.get_text_config()
    limits = [2**31 - 1]
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        limit = getattr(config, name, None)
        if isinstance(limit, int) and limit > 0:
            limits.append(limit)
            break
    for name, table in model.named_modules():
        if isinstance(table, nn.Embedding) and name.rpartition(".")[2] in _POSITION_TABLES:
            # RoBERTa and its kin count from after the padding's id, OPT and BART from an offset.
            after_padding = 0 if table.padding_idx is None else table.padding_idx + 1
            limits.append(table.num_embeddings - getattr(table, "offset", after_padding))
    return min(limits)


def _end_tokens(
    folder: ModelFolder, tokenizer: PreTrainedTokenizerBase, rows: int
) -> tuple[int, ...]:
    """Ids that end a response: the tokenizer's end of text, which is first and closes the texts of
    fine-tuning, and those that generation_config.json names (Llama 3, Gemma and Phi have more)."""
    if tokenizer.eos_token_id is None:
        raise folder.wrong(
            "the tokenizer has no end-of-text token; set eos_token in tokenizer_config.json"
        )
    named = end_token_ids(folder)
    if named and named[-1] >= rows:
        raise folder.wrong(
            f"eos_token_id {named[-1]} is beyond the embedding's {rows} rows; expected the ids of "
            "tokens that end a text, in generation_config.json or config.json"
        )
    return tuple(dict.fromkeys((tokenizer.eos_token_id, *named)))


def _check_same_vocabulary(
    reference: ModelFolder, other: PreTrainedTokenizerBase, own: PreTrainedTokenizerBase
) -> None:
    there, here = other.get_vocab(), own.get_vocab()
    if there != here:
        odd = sorted(t for t in there | here if there.get(t) != here.get(t))
        raise reference.wrong(
            f"has another vocabulary than policy.model: {len(odd)} tokens differ, {odd[0]!r} has "
            f"id {there.get(odd[0])} there and {here.get(odd[0])} in the policy; expected a model "
            "with the same tokenizer"
        )


def _check_context(folder: ModelFolder, context: int, payload: LoadPayload) -> None:
    prompt, new = payload.data.prompt_tokens, payload.rollout.new_tokens
    if prompt + new > context:
        raise InputError(
            f"rollout.prompt_tokens {prompt} and rollout.new_tokens {new} make {prompt + new} "
            f"tokens, but {folder.path} has {context} positions; lower one of them",
            key="rollout.new_tokens",
        )
