"""The messages against the schema that the TypeScript side exports, and its own promises."""

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from averse_worker.wire.messages.base import (
    NotFinite,
    float32_array,
    float32_bytes,
    uint32_array,
    uint32_bytes,
)
from averse_worker.wire.messages.envelope import (
    COMMANDS,
    MAX_MESSAGE_BYTES,
    PAYLOADS,
    PROTOCOL_VERSION,
    RESULTS,
    Failure,
    Hello,
    MessageTooLarge,
    Progress,
    Reply,
    Request,
    encode,
)
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import (
    RolloutResult,
    RolloutSeconds,
    SftResult,
    UpdatePayload,
    UpdateResult,
)
from payloads import LOAD, UPDATE

SCHEMA_FILE = Path(__file__).parents[3] / "src/protocol/schema.json"

# ── the schema ──────────────────────────────────────────────────────────────────────────────
# Both sides are brought to one plain form, in which a field is a pair of name and type, so that
# a difference shows as the path and the two forms.


def from_schema(schema: dict[str, Any]) -> Any:
    """A JSON Schema, as zod writes it, in the plain form."""
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return union([from_schema(option) for option in schema[several]])
    if isinstance(schema.get("type"), list):
        return union([from_schema({**schema, "type": name}) for name in schema["type"]])
    if "const" in schema:
        return {"one of": [schema["const"]]}
    if "enum" in schema:
        return {"one of": schema["enum"]}
    match schema.get("type"):
        case None:
            return "anything"
        case "object" if "properties" in schema:
            assert schema["additionalProperties"] is False, schema
            assert schema.get("required", []) == list(schema["properties"]), schema
            return {
                "fields": [
                    (name, from_schema(field)) for name, field in schema["properties"].items()
                ]
            }
        case "object":
            return {"texts by": from_schema(schema["additionalProperties"])}
        case "array":
            return {"list of": from_schema(schema["items"])}
        case "string" if "format" in schema:
            return schema["format"]
        case "integer" | "number" as name:
            return bounded(name, schema.get("minimum"), schema.get("maximum"))
        case "string" | "boolean" | "null" as name:
            return name
        case other:
            raise AssertionError(f"a kind of schema that this test does not know: {other}")


def from_type(type_: inspect.Type) -> Any:
    """A msgspec type in the plain form."""
    match type_:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return (extra or {}).get("format") or from_type(inner)
        case inspect.StructType(cls=cls, fields=fields, forbid_unknown_fields=strict):
            assert strict, f"{cls.__name__} lets unknown fields pass"
            assert all(field.required for field in fields), f"{cls.__name__} has defaults"
            tag = [(type_.tag_field, {"one of": [type_.tag]})] if type_.tag_field else []
            return {
                "fields": [
                    *tag,
                    *((field.encode_name, from_type(field.type)) for field in fields),
                ]
            }
        case inspect.UnionType(types=options):
            return union([from_type(option) for option in options])
        case inspect.LiteralType(values=values):
            return {"one of": sorted(values)}
        case inspect.DictType(value_type=value):
            return {"texts by": from_type(value)}
        case inspect.ListType(item_type=item):
            return {"list of": from_type(item)}
        case inspect.IntType(ge=low, le=high):
            return bounded("integer", low, high)
        case inspect.FloatType(ge=low, le=high):
            return bounded("number", low, high)
        case inspect.StrType():
            return "string"
        case inspect.BoolType():
            return "boolean"
        case inspect.NoneType():
            return "null"
        case inspect.RawType() | inspect.AnyType():
            return "anything"
        case other:
            raise AssertionError(f"a msgspec type that this test does not know: {other}")


def bounded(name: str, low: float | None, high: float | None) -> Any:
    return name if low is None and high is None else (name, low, high)


def union(options: list[Any]) -> Any:
    choices = [option for option in options if isinstance(option, dict) and "one of" in option]
    if len(choices) == len(options):
        return {"one of": sorted(value for choice in choices for value in choice["one of"])}
    return {"either": sorted(options, key=str)}


def sorted_choices(form: Any) -> Any:
    """Enumerations are sets: their order means nothing."""
    match form:
        case {"one of": values}:
            return {"one of": sorted(values)}
        case dict():
            return {key: sorted_choices(value) for key, value in form.items()}
        case list():
            return [sorted_choices(value) for value in form]
        case (name, field):
            return (name, sorted_choices(field))
        case _:
            return form


def schema() -> dict[str, Any]:
    """The exported schema; `npm run build` and the export write it."""
    document: dict[str, Any] = json.loads(SCHEMA_FILE.read_text())
    return document


def test_the_protocol_version_is_the_controllers() -> None:
    assert schema()["protocol"] == PROTOCOL_VERSION


@pytest.mark.parametrize("struct", [Request, Hello, Reply, Failure, Progress])
def test_envelopes_mirror_the_schema(struct: type[msgspec.Struct]) -> None:
    ours = sorted_choices(from_type(inspect.type_info(struct)))
    assert ours == sorted_choices(from_schema(schema()["envelopes"][struct.__name__.lower()]))


def test_every_envelope_and_command_has_its_struct() -> None:
    document = schema()
    assert list(document["envelopes"]) == ["request", "hello", "reply", "failure", "progress"]
    assert list(document["commands"]) == list(COMMANDS) == list(PAYLOADS) == list(RESULTS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("side", ["payload", "result"])
def test_commands_mirror_the_schema(command: Any, side: str) -> None:
    struct = (PAYLOADS if side == "payload" else RESULTS)[command]
    ours = sorted_choices(from_type(inspect.type_info(struct)))
    assert ours == sorted_choices(from_schema(schema()["commands"][command][side]))


def test_names_mirror_the_typescript_side() -> None:
    for command in COMMANDS[:-3]:
        name = command.title().replace("_", "")
        assert PAYLOADS[command].__name__ in (f"{name}Payload", "Empty")
        assert RESULTS[command].__name__ == f"{name}Result"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"type": "string"}, bytes),
        ({"type": "number"}, int),
        ({"type": ["string", "null"]}, str),
        ({"type": "string", "enum": ["a"]}, str),
    ],
)
def test_the_comparison_sees_differences(theirs: dict[str, Any], ours: type) -> None:
    with pytest.raises(AssertionError):
        assert from_type(inspect.type_info(ours)) == from_schema(theirs)


# ── decoding ────────────────────────────────────────────────────────────────────────────────


def decode(plain: Any, struct: type[Any]) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(plain), type=struct)


def test_whole_numbers_become_floats_where_floats_are_due() -> None:
    payload = decode(LOAD, LoadPayload)
    assert isinstance(payload.training.gamma, float)
    assert payload.training.lambda_ == 0.95
    assert isinstance(decode(UPDATE, UpdatePayload).learning_rate_factor, float)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise": 1}, "unknown field `surprise`"),
        ({"seed": 2**32}, r"\$\.seed"),
        ({"seed": -1}, r"\$\.seed"),
        ({"seed": 1.5}, "got `float`"),
        ({"rollout": 2**53}, r"\$\.rollout"),
        ({"weights": "text"}, "Expected `bytes | null`"),
        ({"weights": b"abc"}, "`weights` has 3 bytes; expected a multiple of 4"),
        ({"learning_rate_factor": math.nan}, "`learning_rate_factor` is nan"),
        ({"learning_rate_factor": -math.inf}, "`learning_rate_factor` is -inf"),
        ({"learning_rate_factor": None}, r"\$\.learning_rate_factor"),
    ],
)
def test_wrong_fields_are_refused_by_name(change: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        decode({**UPDATE, **change}, UpdatePayload)


@pytest.mark.parametrize("name", list(UPDATE))
def test_absent_fields_are_refused_by_name(name: str) -> None:
    plain = {key: value for key, value in UPDATE.items() if key != name}
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{name}`"):
        decode(plain, UpdatePayload)


def test_failed_episodes_go_out_as_nan_and_the_others_as_they_are() -> None:
    failed = np.array([False, True, False, True])
    packed = float32_bytes([1, math.inf, 3, math.nan], failed)
    np.testing.assert_array_equal(float32_array(packed), [1, math.nan, 3, math.nan])
    with pytest.raises(NotFinite, match="1 of 4 values"):
        float32_bytes([1, math.inf, 3, math.nan], np.array([False, False, False, True]))


def test_results_cannot_be_made_with_nan() -> None:
    with pytest.raises(NotFinite, match="`loss_last` is nan"):
        SftResult(
            steps=1,
            kept_step=1,
            loss_first=1.0,
            loss_last=math.nan,
            curve=[],
            texts=1,
            seconds=0.1,
        )


def test_a_torn_array_of_several_is_named_by_its_place() -> None:
    seconds = RolloutSeconds(sample=0.0, reference=0.0, reward=0.0)
    with pytest.raises(ValueError, match=r"`trained\.1` has 5 bytes; expected a multiple of 4"):
        RolloutResult(
            rollout=1,
            reward=b"",
            components=[],
            trained=[b"1234", b"12345"],
            kl=b"",
            return_=b"",
            lambda_return=None,
            length=b"",
            entropy=None,
            tokens=0,
            seconds=seconds,
        )


def test_figures_cannot_be_nan() -> None:
    figures = {"loss_policy": 0.5, "grad_norm": math.inf}
    with pytest.raises(NotFinite, match=r"`figures\.grad_norm` is inf"):
        UpdateResult(
            figures=figures,
            gradient_steps=1,
            episodes=1,
            tokens=1,
            memory_bytes=0,
            gpu=None,
            seconds=0.0,
        )


def test_a_scorers_kind_decides_its_fields() -> None:
    scorer = LOAD["rewards"][0]["scorer"]
    wrong = {**LOAD["rewards"][0], "scorer": {**scorer, "model": "some/model"}}
    with pytest.raises(msgspec.ValidationError, match="unknown field `model`"):
        decode({**LOAD, "rewards": [wrong]}, LoadPayload)
    wrong = {**LOAD["rewards"][0], "scorer": {**scorer, "kind": "oracle"}}
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'oracle'"):
        decode({**LOAD, "rewards": [wrong]}, LoadPayload)


def test_wire_names_that_python_reserves() -> None:
    names = RolloutResult.__struct_encode_fields__
    assert "return" in names
    assert "return_" not in names


def test_messages_over_the_limit_are_refused() -> None:
    with pytest.raises(MessageTooLarge, match="fewer episodes"):
        encode(Reply(session="s", id=1, result=b"\0" * MAX_MESSAGE_BYTES))


# ── arrays ──────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_float32_round_trip(values: list[float]) -> None:
    data = float32_bytes(values)
    assert len(data) == 4 * len(values)
    assert float32_array(data).tolist() == values


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_uint32_round_trip(values: list[int]) -> None:
    assert uint32_array(uint32_bytes(values)).tolist() == values


def test_arrays_are_little_endian_and_writable() -> None:
    assert uint32_bytes([1]) == b"\x01\0\0\0"
    assert float32_bytes(np.array([1.0], dtype=">f8")) == b"\0\0\x80\x3f"
    array = float32_array(float32_bytes([1.0, 2.0]))
    array[0] = 5.0
    assert array.dtype == np.float32


@pytest.mark.parametrize("values", [[math.nan], [math.inf], [0.0, 1e39], np.array([-math.inf])])
def test_values_that_are_not_finite_in_float32_are_refused(values: Any) -> None:
    with pytest.raises(NotFinite, match="index"):
        float32_bytes(values)


@pytest.mark.parametrize("values", [[-1], [2**32], [0.5], np.zeros((2, 2))])
def test_values_that_are_no_uint32_are_refused(values: Any) -> None:
    with pytest.raises(ValueError, match=r"expected one dimension|whole numbers"):
        uint32_bytes(values)


@pytest.mark.parametrize("read", [float32_array, uint32_array])
def test_torn_arrays_are_refused(read: Any) -> None:
    with pytest.raises(ValueError, match="5 bytes"):
        read(b"12345")
