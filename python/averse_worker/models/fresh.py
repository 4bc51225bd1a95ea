"""New models of a given shape, a tokenizer trained on their texts, new heads on old trunks."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from averse_worker.models.folder import ModelFolder
from averse_worker.models.pretrained import load_pretrained
from averse_worker.platform.device import quiet
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.stages import ArchitectureBase

END: Final = "<|endoftext|>"
PAD: Final = "<|pad|>"
_BYTES: Final = 256

Classes = Sequence[str]
Problem = Literal["single_label_classification", "multi_label_classification", "regression"]
"""transformers' names of losses; a reward model is a regression to one number"""


def train_tokenizer(texts: Sequence[str], vocabulary: int, context: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE of `vocabulary` tokens at most, which can write every text.

    Every text begins with the end-of-text token: a language model learns there how texts begin,
    and an encoder reads its answer off it.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{END} $A", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=PAD,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def check_architecture(base: ArchitectureBase, key: str, *, language_model: bool) -> None:
    """Refuses shapes that no model can have.

    Args:
        key: of the base in the configuration.

    Raises:
        InputError: naming the field.
    """
    if base.width % base.heads:
        raise InputError(
            f"{key}.heads is {base.heads}, which does not divide the width of {base.width}; set "
            "one so that it does",
            key=f"{key}.heads",
        )
    if base.family == "llama" and base.width // base.heads % 2:
        raise InputError(
            f"{key}.width is {base.width} with {base.heads} heads, but a llama's heads need "
            "an even width each",
            key=f"{key}.width",
        )
    if base.vocabulary < _BYTES + 2:
        raise InputError(
            f"{key}.vocabulary is {base.vocabulary}; expected at least {_BYTES + 2}: one token for "
            "each byte, end of text and padding",
            key=f"{key}.vocabulary",
        )
    if language_model and base.family == "distilbert":
        raise InputError(
            f"{key}.architecture is distilbert, an encoder, which writes no text; expected gpt2 or "
            "llama",
            key=f"{key}.architecture",
        )


def fresh_language_model(
    base: ArchitectureBase, tokenizer: PreTrainedTokenizerBase, seed: int
) -> PreTrainedModel:
    """With random weights, drawn from `seed`."""
    torch.manual_seed(seed)
    with quiet():
        model: PreTrainedModel = AutoModelForCausalLM.from_config(_config(base, tokenizer))
    return model


def fresh_classifier(
    base: ArchitectureBase,
    tokenizer: PreTrainedTokenizerBase,
    classes: Classes,
    problem: Problem,
    seed: int,
) -> PreTrainedModel:
    """With random weights, drawn from `seed`."""
    config = _with_classes(_config(base, tokenizer), classes, problem)
    torch.manual_seed(seed)
    with quiet():
        model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
    return model


def classifier_from(
    folder: ModelFolder, classes: Classes, problem: Problem, seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A classifier on the trunk of the model in `folder`, which may be a language model.

    Its head is new, drawn from `seed`, unless the folder holds a classifier of the same classes.

    Raises:
        InputError: the folder holds no whole model, or one of no known classifier.
    """
    torch.manual_seed(seed)
    with quiet():
        config = AutoConfig.from_pretrained(folder.path, trust_remote_code=folder.trust_remote_code)
    named = [str(name) for name in config.architectures or []]
    same = list((config.id2label or {}).values()) == list(classes)
    keeps = same and any("SequenceClassification" in name for name in named)
    found = load_pretrained(
        folder,
        "classifier",
        torch.float32,
        config=_with_classes(config, classes, problem),
        new_head=not keeps,
    )
    model, tokenizer = found.model, found.tokenizer
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer


def drop_dropout(model: nn.Module) -> None:
    """Turns every dropout off, for good."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def _with_classes(config: PreTrainedConfig, classes: Classes, problem: Problem) -> PreTrainedConfig:
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: place for place, name in enumerate(classes)}
    config.num_labels = len(classes)
    config.problem_type = problem
    return config


def _config(base: ArchitectureBase, tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
    tokens = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return AutoConfig.for_model(base.family, **tokens, **_shape(base))


def _shape(base: ArchitectureBase) -> dict[str, Any]:
    if base.family == "gpt2":
        none = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        return none | {
            "n_layer": base.layers,
            "n_embd": base.width,
            "n_head": base.heads,
            "n_positions": base.context,
        }
    if base.family == "llama":
        return {
            "num_hidden_layers": base.layers,
            "hidden_size": base.width,
            "num_attention_heads": base.heads,
            "num_key_value_heads": base.heads,
            # Two thirds of the usual four times the width: its MLP has three matrices, not two.
            "intermediate_size": 32 * max(1, round(8 * base.width / 3 / 32)),
            "max_position_embeddings": base.context,
            "tie_word_embeddings": True,
        }
    return {
        "n_layers": base.layers,
        "dim": base.width,
        "hidden_dim": 4 * base.width,
        "n_heads": base.heads,
        "max_position_embeddings": base.context,
    }
