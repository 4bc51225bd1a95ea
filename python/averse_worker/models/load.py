"""Loads a policy and its reference, and checks that they fit the tokens asked of them."""

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from averse_worker.models.folder import ModelFolder, load_tokenizer
from averse_worker.models.kernels.log_probs import TokenRule, forbidden_tokens
from averse_worker.models.policy import Policy, padding_token
from averse_worker.platform.device import Device, quiet
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import LoadPayload


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
    trust = payload.policy.trust_remote_code
    # With LoRA the base is frozen and may rest in the compute format; what is trained may not.
    dtype = device.dtype if payload.policy.lora_rank else torch.float32
    causal = _causal(folder, trust, dtype)
    with quiet(), folder.explained():
        tokenizer = load_tokenizer(folder, trust)
    _check_tokenizer(folder, tokenizer)
    _check_context(folder, context_of(causal), payload)
    other = None
    if reference is not None:
        other = _causal(reference, trust, dtype)
        if other.config.vocab_size != causal.config.vocab_size:
            raise reference.wrong(
                f"has a vocabulary of {other.config.vocab_size} tokens, the policy "
                f"{causal.config.vocab_size}; expected the same tokenizer"
            )
    rule = TokenRule(
        payload.rollout.temperature,
        forbidden_tokens(
            padding_token(tokenizer),
            tokenizer.eos_token_id,
            len(tokenizer),
            causal.get_output_embeddings().weight.shape[0],
        ),
        tokenizer.eos_token_id,
    )
    torch.manual_seed(payload.seed)  # LoRA's first values
    return Policy(
        causal,
        tokenizer,
        rule,
        device,
        lora_rank=payload.policy.lora_rank,
        reference=other,
    )


def context_of(causal: PreTrainedModel) -> int:
    """Positions of the model, in tokens; 2³¹ − 1 where its config sets no limit."""
    config = causal.config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        limit = getattr(config, name, None)
        if isinstance(limit, int) and limit > 0:
            return limit
    return 2**31 - 1


def _causal(folder: ModelFolder, trust_remote_code: bool, dtype: torch.dtype) -> PreTrainedModel:
    folder.config()
    model: PreTrainedModel
    with quiet(), folder.explained():
        # The attention is transformers' own choice for the family: the one that is right for it.
        model, found = AutoModelForCausalLM.from_pretrained(
            folder.path,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
        )
    # transformers would fill them with random numbers and only warn.
    if found["missing_keys"]:
        missing = ", ".join(sorted(found["missing_keys"])[:3])
        raise folder.wrong(
            f"the weights lack {len(found['missing_keys'])} tensors of the architecture "
            f"({missing}, …); expected a whole causal language model"
        )
    return model


def _check_tokenizer(folder: ModelFolder, tokenizer: PreTrainedTokenizerBase) -> None:
    if tokenizer.eos_token_id is None:
        raise folder.wrong(
            "the tokenizer has no end-of-text token; set eos_token in tokenizer_config.json"
        )


def _check_context(folder: ModelFolder, context: int, payload: LoadPayload) -> None:
    prompt, new = payload.data.prompt_tokens, payload.rollout.new_tokens
    if prompt + new > context:
        raise InputError(
            f"rollout.prompt_tokens {prompt} and rollout.new_tokens {new} make {prompt + new} "
            f"tokens, but {folder.path} has {context} positions; lower one of them",
            key="rollout.new_tokens",
        )
