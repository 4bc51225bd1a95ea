"""The options of engines: what `hello` says of them, and how `load`'s are read; without torch."""

import re
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from averse_worker.wire.errors import InputError

_PLACE: Final = re.compile(r"`\$\.([\w.]+)")


class TrlOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `trl` engine's: keys of TRL's GRPOConfig and RLOOConfig that the experiment has no key of
    its own for. None: as TRL has it."""

    trainer: Annotated[Literal["grpo", "rloo"], Meta(description="GRPOTrainer or RLOOTrainer")] = (
        "grpo"
    )
    epsilon: (
        Annotated[float, Meta(gt=0, description="clipping below 1; null: training.clip_ratio")]
        | None
    ) = None
    epsilon_high: (
        Annotated[float, Meta(gt=0, description="clipping above 1; null: as epsilon")] | None
    ) = None
    loss_type: (
        Annotated[
            Literal["grpo", "bnpo", "dr_grpo", "dapo", "luspo", "cispo", "sapo", "vespo"],
            Meta(description="grpo alone; null: by training.loss_aggregation"),
        ]
        | None
    ) = None
    beta: Annotated[
        float,
        Meta(ge=0, description="grpo alone: coefficient of TRL's own KL in the loss; default 0"),
    ] = 0.0
    use_bias_correction_kl: (
        Annotated[bool, Meta(description="grpo alone: that KL times the ratio")] | None
    ) = None
    delta: (
        Annotated[float, Meta(gt=1, description="grpo alone: bound of the ratio, two-sided")] | None
    ) = None
    importance_sampling_level: (
        Annotated[Literal["token", "sequence"], Meta(description="grpo alone: what has a ratio")]
        | None
    ) = None
    off_policy_mask_threshold: (
        Annotated[
            float, Meta(gt=0, description="grpo alone: KL beyond which completions are left out")
        ]
        | None
    ) = None
    sapo_temperature_neg: (
        Annotated[float, Meta(gt=0, description="grpo alone: of the loss sapo")] | None
    ) = None
    sapo_temperature_pos: (
        Annotated[float, Meta(gt=0, description="grpo alone: of the loss sapo")] | None
    ) = None
    vespo_k_pos: Annotated[float, Meta(description="grpo alone: of the loss vespo")] | None = None
    vespo_lambda_pos: Annotated[float, Meta(description="grpo alone: of the loss vespo")] | None = (
        None
    )
    vespo_k_neg: Annotated[float, Meta(description="grpo alone: of the loss vespo")] | None = None
    vespo_lambda_neg: Annotated[float, Meta(description="grpo alone: of the loss vespo")] | None = (
        None
    )
    disable_dropout: Annotated[
        bool, Meta(description="default true, unlike in TRL: as the torch engine trains")
    ] = True
    min_p: (
        Annotated[
            float,
            Meta(ge=0, le=1, description="least probability of a drawn token, over the highest"),
        ]
        | None
    ) = None
    repetition_penalty: Annotated[float, Meta(gt=0, description="in sampling; 1: none")] | None = (
        None
    )
    weight_decay: Annotated[float, Meta(ge=0, description="of AdamW; default 0")] | None = None
    adam_beta1: Annotated[float, Meta(ge=0, lt=1, description="default 0.9")] | None = None
    adam_beta2: Annotated[float, Meta(ge=0, lt=1, description="default 0.999")] | None = None
    adam_epsilon: Annotated[float, Meta(gt=0, description="default 1e-8")] | None = None


OF_GRPO: Final = tuple(
    name
    for name in TrlOptions.__struct_fields__
    if name.startswith(("sapo_", "vespo_"))
    or name
    in (
        "loss_type",
        "beta",
        "use_bias_correction_kl",
        "delta",
        "importance_sampling_level",
        "off_policy_mask_threshold",
    )
)
"""Options that RLOOTrainer has not (`limits.py`)."""


def schema_of(options: type[msgspec.Struct]) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of an engine's options, as `hello` has it."""
    _, components = msgspec.json.schema_components([options])
    [schema] = components.values()
    return {key: schema[key] for key in ("type", "properties", "additionalProperties")}


class VllmOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `vllm` engine's: where its server is, and how far its completions are trusted."""

    url: Annotated[
        str,
        Meta(
            min_length=1, description="address of `vllm serve`, without /v1; http://127.0.0.1:8000"
        ),
    ] = "http://127.0.0.1:8000"
    token_env: (
        Annotated[
            str,
            Meta(min_length=1, description="variable of the worker with the server's --api-key"),
        ]
        | None
    ) = None
    allow_insecure: Annotated[
        bool, Meta(description="http:// to another machine; default false")
    ] = False
    weights_folder: (
        Annotated[
            str,
            Meta(
                pattern="^/",
                description="absolute, the same path for worker and server: weights are handed "
                "over in it; null: a temporary folder, for a server of this machine",
            ),
        ]
        | None
    ) = None
    connect_seconds: Annotated[
        float,
        Meta(ge=0, description="for which a server that does not answer is waited for; 240"),
    ] = 240.0
    timeout_seconds: Annotated[
        float, Meta(gt=0, description="for the answer to one request; default 600")
    ] = 600.0
    retries: Annotated[
        int, Meta(ge=0, description="further attempts of a rollout that the server broke; 3")
    ] = 3
    importance_bound: Annotated[
        float,
        Meta(
            ge=1,
            description="at which a token's importance ratio, trainer over server, is truncated; "
            "default 3",
        ),
    ] = 3.0


def read_trl_options(given: dict[str, Any]) -> TrlOptions:
    """Reads `load`'s `engine_options`.

    Raises:
        InputError: an option is unknown, of a wrong type or out of range; with its key.
    """
    return _read(
        given,
        TrlOptions,
        "trl",
        "remove it: what else TRL's configuration has follows from the "
        "experiment (docs/backends.md)",
    )


def read_vllm_options(given: dict[str, Any]) -> VllmOptions:
    """Reads `load`'s `engine_options`.

    Raises:
        InputError: an option is unknown, of a wrong type or out of range; with its key.
    """
    return _read(
        given,
        VllmOptions,
        "vllm",
        "remove it: the server's own settings are those of its command (docs/backends.md)",
    )


_Options = TypeVar("_Options", bound=msgspec.Struct)


def _read(given: dict[str, Any], kind: type[_Options], engine: str, remedy: str) -> _Options:
    known = kind.__struct_fields__
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        raise _wrong(
            unknown, f"is none of the {engine} engine's options ({', '.join(known)}); {remedy}"
        )
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        raise _wrong(place.group(1) if place else "", f"is wrong: {error}") from error


def _wrong(name: str, what: str) -> InputError:
    key = f"backend.engine_options.{name}".rstrip(".")
    return InputError(f"{key} {what}", key=key)
