"""Writes the policy as a model that `AutoModelForCausalLM.from_pretrained` loads."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedModel

from averse_worker.models.policy import Policy
from averse_worker.models.pretrained import load_pretrained
from averse_worker.platform.device import quiet
from averse_worker.platform.files import check_empty_folder, same_mode

if TYPE_CHECKING:
    from peft import PeftModel


def export_policy(policy: Policy, folder: Path) -> None:
    """config.json, model.safetensors (float32, LoRA merged in) and the tokenizer's files.

    The policy itself is left as it is, bit for bit: with LoRA a copy is merged.

    Raises:
        InputError: the folder does not exist or holds files already.
    """
    check_empty_folder(folder)
    with quiet():
        causal = policy.actor.causal
        if policy.adapter is not None:
            causal = _merged(policy, policy.adapter)
        causal.save_pretrained(folder)
        policy.tokenizer_as_loaded.save_pretrained(folder)
    same_mode(folder, "config.json")


def _merged(policy: Policy, adapter: "PeftModel") -> PreTrainedModel:
    """In float32: merged in the base's bfloat16 or four bits, much of the adapters would round
    away."""
    if policy.base is None:
        return copy.deepcopy(adapter).float().merge_and_unload()
    # Quantized weights cannot be had back: the adapters go into the base as it lies on disk.
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    whole = load_pretrained(policy.base, "language model", torch.float32).model
    full = get_peft_model(whole, adapter.peft_config["default"])
    state = get_peft_model_state_dict(adapter, adapter_name="default")
    set_peft_model_state_dict(full, {name: t.float().cpu() for name, t in state.items()})
    return full.merge_and_unload()
