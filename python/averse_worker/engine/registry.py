"""The engines by name, and what `hello` says of them without importing what they need."""

import importlib
import importlib.util
from dataclasses import replace
from typing import Final

import msgspec

from averse_worker.engine.contract import Engine
from averse_worker.engine.limits import OF_FAKE, OF_TRL, OF_VLLM, limits_of_several
from averse_worker.engine.options import TrlOptions, VllmOptions, schema_of
from averse_worker.platform.processes import Place
from averse_worker.wire.errors import MissingEnvironment
from averse_worker.wire.messages.envelope import Capabilities, DeclaredFigure, DeclaredFigures
from averse_worker.wire.server import EngineFacts

_FIGURES: Final = DeclaredFigures(
    update={
        name: DeclaredFigure(unit=unit, description=description)
        for name, unit, description in (
            ("loss_policy", "", "the policy's term of the loss"),
            ("loss_value", "", "the critic's term, before value_coefficient"),
            ("loss_kl", "", "the KL's term, with its coefficient"),
            ("kl_estimate", "nats per episode", "KL per episode of that term, by kl_weights"),
            ("entropy", "nats per token", "of the policy on the tokens of the loss"),
            ("clip_fraction", "fraction", "tokens whose ratio was clipped"),
            ("approx_kl", "nats per token", "between the policy before and after"),
            ("grad_norm", "", "of the gradient, before clipping"),
            ("explained_variance", "", "of the returns by the critic, before the update"),
            ("advantage_deviation", "", "with a KL loss: what whitening divided advantages by"),
        )
    },
    evaluate={
        "dist_1": DeclaredFigure(unit="fraction", description="distinct words over words"),
        "dist_2": DeclaredFigure(unit="fraction", description="distinct bigrams over bigrams"),
        "dist_3": DeclaredFigure(unit="fraction", description="distinct trigrams over trigrams"),
        "perplexity": DeclaredFigure(unit="", description="of held-out texts of the good class"),
        "repetition_rate": DeclaredFigure(
            unit="fraction", description="completions that end in a phrase said three times"
        ),
        "self_bleu": DeclaredFigure(unit="", description="BLEU-4 with the other completions"),
        "fluency": DeclaredFigure(
            unit="", description="perplexity of completions under a fixed language model, mean"
        ),
        "fluency_left_out": DeclaredFigure(
            unit="completions", description="with a perplexity of 10,000 or more, or no tokens"
        ),
        **{
            f"dist_{order}_per_prompt": DeclaredFigure(
                unit="fraction",
                description=f"distinct {order}-grams of words over words, mean over prompts",
            )
            for order in (1, 2, 3)
        },
    },
    stage={
        name: DeclaredFigure(unit=unit, description=description)
        for name, unit, description in (
            ("loss", "", "the last of the curve"),
            ("held_out_loss", "", "on the held-out rows"),
            ("perplexity", "", "of the held-out texts, per token"),
            ("accuracy", "fraction", "of the held-out rows or pairs"),
            ("auroc", "", "area under the ROC curve on the held-out rows"),
            ("calibration_error", "", "expected calibration error on the held-out rows"),
        )
    },
)
"""Of `fake` and `torch`; `src/protocol/README.md` has their meaning."""

_TRL_FIGURES: Final = msgspec.structs.replace(
    _FIGURES,
    update={
        name: figure
        for name, figure in _FIGURES.update.items()
        if name in ("loss_policy", "entropy", "clip_fraction", "grad_norm")
    }
    | {
        "kl_per_token": DeclaredFigure(
            unit="nats per token", description="of TRL's own KL term, by engine_options.beta"
        )
    },
)

_VLLM_FIGURES: Final = msgspec.structs.replace(
    _FIGURES,
    update=_FIGURES.update
    | {
        name: DeclaredFigure(unit=unit, description=description)
        for name, unit, description in (
            ("importance_mean", "", "ratio, trainer over sampler, of the rollout's tokens: mean"),
            ("importance_max", "", "the largest of these ratios, before truncation"),
            (
                "importance_outside",
                "fraction",
                "tokens whose ratio is above importance_bound or below its inverse",
            ),
            ("sampler_kl", "nats per token", "of the sampler from the policy, on its tokens"),
        )
    },
)


_HARNESS: Final = importlib.util.find_spec("lm_eval") is not None
"""lm-evaluation-harness is installed; it is imported only where tasks are asked for."""

_TORCH: Final = Capabilities(
    sft=True,
    stages=True,
    lora=True,
    critic=True,
    prefix_baseline=True,
    ema=True,
    checkpoint=True,
    completions=True,
    kl_loss=True,
    bitwise=True,
    common_random_numbers=True,
    distributed=False,
    harness=_HARNESS,
)

ENGINES: Final[dict[str, EngineFacts]] = {
    "fake": EngineFacts(
        Capabilities(
            sft=True,
            stages=True,
            lora=False,
            critic=True,
            prefix_baseline=True,
            ema=True,
            checkpoint=True,
            completions=True,
            kl_loss=True,
            bitwise=True,
            common_random_numbers=True,
            distributed=False,
            harness=True,
        ),
        {
            "type": "object",
            "properties": {
                "reward_noise": {
                    "type": "number",
                    "minimum": 0,
                    "description": "factor of the noise in the first reward; default 1",
                }
            },
            "additionalProperties": False,
        },
        _FIGURES,
        OF_FAKE,
    ),
    "torch": EngineFacts(
        _TORCH,
        {"type": "object", "properties": {}, "additionalProperties": False},
        _FIGURES,
    ),
    "trl": EngineFacts(
        msgspec.structs.replace(_TORCH, critic=False, prefix_baseline=False, kl_loss=False),
        schema_of(TrlOptions),
        _TRL_FIGURES,
        OF_TRL,
    ),
    "vllm": EngineFacts(
        msgspec.structs.replace(_TORCH, bitwise=False, common_random_numbers=False),
        schema_of(VllmOptions),
        _VLLM_FIGURES,
        OF_VLLM,
    ),
}

_CLASSES: Final[dict[str, tuple[str, str]]] = {
    "fake": ("averse_worker.engine.fake.engine", "FakeEngine"),
    "torch": ("averse_worker.engine.torch.engine", "TorchEngine"),
    "trl": ("averse_worker.engine.trl.engine", "TrlEngine"),
    "vllm": ("averse_worker.engine.vllm.engine", "VllmEngine"),
}


SEVERAL: Final = frozenset({"torch"})
"""Engines that may be several processes."""

_SEVERAL: Final = "averse_worker.engine.torch.several"


def facts_of(name: str, place: Place | None) -> EngineFacts:
    """What `hello` says of an engine, in a process alone (None) or in one of several."""
    facts = ENGINES[name]
    if place is None:
        return facts
    return replace(
        facts,
        capabilities=msgspec.structs.replace(facts.capabilities, distributed=True),
        limits=(*facts.limits, *limits_of_several(place)),
    )


def build_engine(name: str, place: Place | None = None) -> Engine:
    """Imports and makes the engine; takes seconds for torch.

    Args:
        place: of this process among several, rank 0; None: it is alone.

    Raises:
        ImportError: a package that the engine needs is missing.
        MissingEnvironment: DeepSpeed is, and has to divide the policy.
    """
    if place is not None and place.strategy == "deepspeed":
        # Before torch is imported.
        require_deepspeed()
    if place is not None:
        several: Engine = importlib.import_module(_SEVERAL).SeveralEngine(place)
        return several
    module, engine_class = _CLASSES[name]
    engine: Engine = getattr(importlib.import_module(module), engine_class)()
    return engine


def require_deepspeed() -> None:
    """Raises:
    MissingEnvironment: it is not installed.
    """
    if importlib.util.find_spec("deepspeed") is None:
        raise MissingEnvironment(
            "--strategy deepspeed needs the package deepspeed, which is not installed in the "
            "worker's Python; run `averse setup --extra deepspeed` (in a checkout: pip install "
            "deepspeed), or use the backend fsdp"
        )


def follow(place: Place) -> None:
    """Runs the engine in a rank other than 0, until the worker's end."""
    importlib.import_module(_SEVERAL).follow(place)
