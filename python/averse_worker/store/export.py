"""Writes the policy as a model that `AutoModelForCausalLM.from_pretrained` loads."""

import copy
from pathlib import Path

from averse_worker.models.policy import Policy
from averse_worker.platform.device import quiet
from averse_worker.platform.files import check_empty_folder, same_mode


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
            # In float32: merged in the base's bfloat16, much of the adapters would round away.
            causal = copy.deepcopy(policy.adapter).float().merge_and_unload()
        causal.save_pretrained(folder)
        policy.tokenizer_as_loaded.save_pretrained(folder)
    same_mode(folder, "config.json")
