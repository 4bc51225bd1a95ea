"""Loads a policy and its reference, and checks that they fit the configured token counts."""

import importlib.util
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from averse_worker.models.declared import end_token_ids
from averse_worker.models.folder import ModelFolder
from averse_worker.models.kernels.log_probs import TokenRule, forbidden_tokens
from averse_worker.models.language_model import LanguageModel
from averse_worker.models.policy import Policy, padding_token
from averse_worker.models.pretrained import load_pretrained
from averse_worker.models.steered import SteeredModel
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device
from averse_worker.platform.ranks import ALONE, Ranks
from averse_worker.wire.errors import InputError, MissingEnvironment
from averse_worker.wire.messages.load import LoadPayload


def load_policy(
    payload: LoadPayload,
    folder: ModelFolder,
    reference: ModelFolder | None,
    device: Device,
    experts: tuple[ModelFolder, ModelFolder] | None = None,
    ranks: Ranks = ALONE,
) -> Policy:
    """The policy in `folder`, measured against `reference` (None: against itself as loaded).

    Args:
        experts: expert and anti-expert that steer it, where `payload` has their strength.
        ranks: the processes that it is divided among, if they are to.

    Raises:
        InputError: files are missing or corrupt, the tokenizer lacks a token, prompts and
            responses exceed the context, or models have different vocabularies.
    """
    # With LoRA the base is frozen and may be in the compute format; trained weights may not.
    dtype = device.dtype if payload.policy.adapter else torch.float32
    own = load_pretrained(folder, "language model", dtype, quantize=_quantization(payload, device))
    causal, tokenizer = own.model, own.tokenizer
    _check_context(folder, context_of(causal), payload)
    ends = _end_tokens(folder, tokenizer, causal.get_output_embeddings().weight.shape[0])
    other = None
    if reference is not None:
        measure = load_pretrained(reference, "language model", device.frozen_dtype or dtype)
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
    policy = Policy(
        causal,
        tokenizer,
        rule,
        device,
        adapter=payload.policy.adapter,
        # What is only decoded has nothing to criticise.
        critic=payload.training.critic and payload.decoding is None,
        reference=other,
        gradient_checkpointing=payload.policy.gradient_checkpointing,
        base=None if payload.policy.quantize == "none" else folder,
        ranks=ranks,
    )
    if experts is not None and payload.decoding is not None:
        asked = payload.decoding.experts
        assert asked is not None
        expert, anti_expert = (_expert(one, policy, payload) for one in experts)
        policy.steered = SteeredModel(
            policy.actor, expert, anti_expert, asked.strength, asked.filter_p
        )
    return policy


def _expert(folder: ModelFolder, policy: Policy, payload: LoadPayload) -> LanguageModel:
    device = policy.device
    found = load_pretrained(folder, "language model", device.frozen_dtype or torch.float32)
    _check_same_vocabulary(folder, found.tokenizer, policy.tokenizer_as_loaded)
    _check_context(folder, context_of(found.model), payload)
    causal = found.model.to(device.torch_device).requires_grad_(False)
    return LanguageModel(causal, folder.key)


def check_quantization(payload: LoadPayload, device: Device) -> None:
    """Refuses quantized weights where they cannot be had; before any weights are read.

    Raises:
        MissingEnvironment: bitsandbytes is not installed, or there is no GPU.
    """
    if payload.policy.quantize == "none":
        return
    lacking = "bitsandbytes is not installed in the worker's Python (pip install bitsandbytes)"
    if importlib.util.find_spec("bitsandbytes") is not None:
        lacking = f"the device is {device.torch_device.type}"
        if device.torch_device.type == "cuda":
            return
    raise MissingEnvironment(
        f"policy.quantize is {payload.policy.quantize}, which needs bitsandbytes and a CUDA GPU, "
        f"but {lacking}; set policy.quantize to none, or use such a machine",
        key="policy.quantize",
    )


def _quantization(payload: LoadPayload, device: Device) -> Any:
    """QLoRA's format: 4-bit NormalFloat with quantized constants (Dettmers et al. 2023)."""
    if payload.policy.quantize == "none":
        return None
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=device.dtype,
    )


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
            f"has a different vocabulary from policy.model: {len(odd)} tokens differ, {odd[0]!r} "
            f"has id {there.get(odd[0])} there and {here.get(odd[0])} in the policy; expected a "
            "model with the same tokenizer"
        )


def _check_context(folder: ModelFolder, context: int, payload: LoadPayload) -> None:
    prompt, new = payload.data.prompt_tokens, payload.rollout.new_tokens
    if prompt + new > context:
        raise InputError(
            f"rollout.prompt_tokens {prompt} and rollout.new_tokens {new} make {prompt + new} "
            f"tokens, but {folder.path} has {context} positions; lower one of them",
            key="rollout.new_tokens",
        )
