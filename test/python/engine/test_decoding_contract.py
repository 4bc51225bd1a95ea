"""What every engine promises of `load`'s decoding, run on each one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from averse_worker.wire.errors import InputError, ProtocolError
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.evaluation import EvaluateResult
from averse_worker.wire.messages.training import ExportPayload
from conftest import Subject
from payloads import (
    JUDGE,
    evaluate_payload,
    load_payload,
    rollout_payload,
    sft_payload,
    toxicity_payload,
    update_payload,
)

pytestmark = pytest.mark.filterwarnings("ignore")

PROMPTS = 6


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


def decoding(**changes: Any) -> dict[str, Any]:
    return {"best_of": 1, "experts": None} | changes


def steered(expert: Path, anti_expert: Path, **changes: Any) -> dict[str, Any]:
    def named(folder: Path) -> dict[str, Any]:
        return {"model": str(folder), "revision": None, "trust_remote_code": False}

    experts = {"expert": named(expert), "anti_expert": named(anti_expert)}
    return decoding(experts=experts | {"strength": 2.0, "filter_p": 1.0} | changes)


def evaluated(
    subject: Subject,
    wanted: dict[str, Any] | None,
    completions: int = 1,
    condition: int | None = None,
    **changes: Any,
) -> EvaluateResult:
    engine = subject.make()
    loaded = engine.load(load_payload(subject.load, decoding=wanted, **changes), quiet)
    prompts = uint32_array(loaded.test.ids)[:PROMPTS]
    figures = ["dist_1", "repetition_rate"]
    asked = evaluate_payload(
        prompts, completions=completions, condition=condition, figures=figures, samples=[1]
    )
    return engine.evaluate(asked, quiet)


def exported(subject: Subject, folder: Path, steps: int) -> Path:
    """A policy of the engine's own format, fine-tuned a little."""
    engine = subject.make()
    engine.load(load_payload(subject.load), quiet)
    engine.sft(sft_payload(steps=steps, learning_rate=1e-2), quiet)
    folder.mkdir()
    engine.export(ExportPayload(path=str(folder), weights="current"), quiet)
    return folder


def test_decoding_that_changes_nothing_is_sampling(engine_factory: Subject) -> None:
    plain, same = evaluated(engine_factory, None), evaluated(engine_factory, decoding())
    for field in ("reward", "kl", "length", "figures", "samples"):
        assert getattr(plain, field) == getattr(same, field)


def test_best_of_answers_one_episode_per_completion(engine_factory: Subject) -> None:
    wanted = decoding(best_of=8)
    result = evaluated(engine_factory, wanted, completions=2, judges=[JUDGE])
    assert float32_array(result.reward).size == 2 * PROMPTS
    assert float32_array(result.kl).size == uint32_array(result.length).size == 2 * PROMPTS
    assert [float32_array(one.scores).size for one in result.judges] == [2 * PROMPTS]
    assert [float32_array(one.scores).size for one in result.components] == [2 * PROMPTS]
    sample = result.samples[0]
    assert sample.reward == pytest.approx(float32_array(result.reward)[1])
    plain = evaluated(engine_factory, None, completions=2)
    assert float32_array(result.reward).mean() > float32_array(plain.reward).mean()


def test_best_of_holds_for_toxicity(engine_factory: Subject) -> None:
    engine = engine_factory.make()
    scorer = {**JUDGE["scorer"], "sign": -1, "output": "probability"}
    toxicity = {"name": "toxicity", "scorer": scorer}
    payload = load_payload(
        engine_factory.load, decoding=decoding(best_of=3), evaluation__toxicity=toxicity
    )
    prompts = uint32_array(engine.load(payload, quiet).test.ids)[:PROMPTS]
    asked = toxicity_payload(prompts, completions=2, figures=["dist_1_per_prompt"])
    result = engine.toxicity(asked, quiet)
    assert float32_array(result.completions.scores).size == 2 * PROMPTS
    assert 0 < result.figures["dist_1_per_prompt"] <= 1


def test_a_condition_moves_the_policy_and_is_no_part_of_the_prompt(
    engine_factory: Subject,
) -> None:
    texts = ["a dull film: ", "a fine film: ", "a good film: "]
    plain = evaluated(engine_factory, None, conditions=texts)
    told = [evaluated(engine_factory, None, condition=c, conditions=texts) for c in (0, 2)]
    assert abs(float32_array(plain.kl)).max() < 1e-4
    for one in told:
        assert one.samples[0].text == plain.samples[0].text
        assert "film: " not in one.samples[0].completion
        assert abs(float32_array(one.kl)).max() > 1e-2
    assert told[0].kl != told[1].kl


def test_a_condition_that_is_not_known_is_refused(engine_factory: Subject) -> None:
    with pytest.raises(InputError, match="condition 2 was requested"):
        evaluated(engine_factory, None, condition=2, conditions=["a: ", "b: "])
    engine = engine_factory.make()
    train = uint32_array(engine.load(engine_factory.load, quiet).train.ids)[:2]
    with pytest.raises(InputError, match="condition 0 was requested"):
        engine.rollout(rollout_payload(train, condition=0), quiet)


def conditioned_rollout(subject: Subject) -> tuple[Any, Any, int]:
    """An engine with a rollout under the last of three conditions."""
    engine = subject.make()
    texts = ["bad: ", "so: ", "good: "]
    load = load_payload(subject.load, conditions=texts, training__critic=False)
    train = uint32_array(engine.load(load, quiet).train.ids)[:PROMPTS]
    rolled = engine.rollout(rollout_payload(train, condition=2, beta=None), quiet)
    return engine, rolled, len(train)


@pytest.mark.needs("kl_loss")
def test_episodes_are_learned_under_conditions_of_their_own(engine_factory: Subject) -> None:
    engine, rolled, count = conditioned_rollout(engine_factory)
    assert abs(float32_array(rolled.kl)).max() > 1e-2
    ones = np.ones(count)
    conditions = np.arange(count) % 3
    update = update_payload(
        rolled.rollout, advantages=ones, conditions=conditions, kl_weights=0.1 * ones
    )
    result = engine.update(update, quiet)
    assert result.episodes == count
    # By likelihood: nothing is clipped, and there is no ratio.
    assert result.figures["clip_fraction"] == result.figures["approx_kl"] == 0
    assert result.figures["loss_kl"] > 0


@pytest.mark.needs("kl_loss")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conditions": [0]}, "has 1 conditions, the rollout 6"),
        ({"conditions": [0, 0, 0, 0, 0, 3]}, "condition 3 was requested"),
        ({"kl_form": "k3", "kl_weights": np.ones(6)}, "set kl.loss to exact"),
        ({"advantages": None, "kl_weights": np.ones(6)}, "no advantages"),
    ],
)
def test_conditions_that_cannot_be_learned_under_are_refused(
    engine_factory: Subject, changes: dict[str, Any], message: str
) -> None:
    engine, rolled, count = conditioned_rollout(engine_factory)
    fields = {"advantages": np.ones(count), "conditions": np.zeros(count, int)} | changes
    with pytest.raises(InputError, match=message):
        engine.update(update_payload(rolled.rollout, **fields), quiet)


def test_equal_experts_and_no_strength_change_nothing(
    engine_factory: Subject, tmp_path: Path
) -> None:
    near, far = (exported(engine_factory, tmp_path / str(n), n) for n in (1, 6))
    plain = evaluated(engine_factory, None)
    for idle in (steered(far, far), steered(far, near, strength=0.0)):
        same = evaluated(engine_factory, idle)
        np.testing.assert_allclose(
            float32_array(same.reward), float32_array(plain.reward), atol=1e-5
        )
        assert abs(float32_array(same.kl)).max() < 1e-3
    moved = evaluated(engine_factory, steered(far, near))
    assert abs(float32_array(moved.kl)).max() > 1e-2


def test_experts_are_told_by_their_files(engine_factory: Subject, tmp_path: Path) -> None:
    near, far = (exported(engine_factory, tmp_path / str(n), n) for n in (1, 2))
    load = load_payload(engine_factory.load, decoding=steered(far, near))
    digests = engine_factory.make().load(load, quiet).digests.decoding
    assert list(digests) == ["expert", "anti_expert"]
    assert digests["expert"] != digests["anti_expert"]


def test_an_expert_that_is_not_there_is_refused(engine_factory: Subject, tmp_path: Path) -> None:
    near = exported(engine_factory, tmp_path / "near", 1)
    load = load_payload(engine_factory.load, decoding=steered(near, tmp_path / "none"))
    with pytest.raises(InputError) as refusal:
        engine_factory.make().load(load, quiet)
    assert refusal.value.key == "decoding.anti_expert"


def test_a_policy_that_is_decoded_is_not_trained(engine_factory: Subject) -> None:
    engine = engine_factory.make()
    loaded = engine.load(load_payload(engine_factory.load, decoding=decoding(best_of=2)), quiet)
    with pytest.raises(ProtocolError, match="decoding"):
        engine.sft(sft_payload(), quiet)
    with pytest.raises(ProtocolError, match="decoding"):
        engine.rollout(rollout_payload(uint32_array(loaded.train.ids)[:2]), quiet)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"filter_p": 0.0}, "decoding.filter_p"),
        ({"strength": -1.0}, "decoding.strength"),
    ],
)
def test_values_out_of_range_are_refused(
    engine_factory: Subject, tmp_path: Path, changes: dict[str, Any], key: str
) -> None:
    load = load_payload(engine_factory.load, decoding=steered(tmp_path, tmp_path, **changes))
    with pytest.raises(InputError) as refusal:
        engine_factory.make().load(load, quiet)
    assert refusal.value.key == key
