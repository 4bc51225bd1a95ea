"""Several processes compute what one computes, fail as one, and leave nothing behind."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.wire.errors import InputError, Interrupted
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import RestorePayload, SavePayload
from payloads import (
    JUDGE,
    evaluate_payload,
    load_payload,
    rollout_payload,
    score_payload,
    sft_payload,
    texts_payload,
    update_payload,
)
from several_processes import REFUSED_SEED, STRATEGIES, Several, processes
from tiny_models import no_report

Engine = Callable[[str, Any], Any]

PROMPTS, COMPLETIONS = 9, 2


@pytest.fixture(scope="module", params=STRATEGIES)
def two(request: pytest.FixtureRequest) -> Iterator[Several]:
    with processes(2, strategy=request.param) as several:
        yield several


@pytest.fixture(scope="module")
def settings(torch_load: LoadPayload) -> LoadPayload:
    """Everything that is summed over the whole batch: moments, whitening, means over tokens. A
    minibatch of 7 kept episodes in two steps has parts of 2, 2, 2 and 1."""
    return load_payload(
        torch_load,
        rewards__0__normalize="running",
        rollout__new_tokens=10,
        training__minibatch=4,
        training__entropy_coefficient=0.01,
    )


def alone() -> Engine:
    engine = TorchEngine()
    return lambda command, payload: getattr(engine, command)(payload, no_report)


def batch(ids: Any) -> list[int]:
    return (list(ids) * PROMPTS)[:PROMPTS]


def iteration(call: Engine, ids: Any, number: int, rollout: int) -> dict[str, Any]:
    """One iteration whose kept episodes are the seven lowest, and what it did."""
    found = call("rollout", rollout_payload(batch(ids), seed=number, completions=COMPLETIONS))
    returns = float32_array(found.return_)
    kept = sorted(np.argsort(returns, kind="stable")[:7].tolist())
    weights = np.zeros(returns.size)
    weights[kept] = 1
    texts = call("texts", texts_payload(rollout, range(returns.size)))
    updated = call(
        "update",
        update_payload(
            rollout, weights, kl_weights=np.ones(returns.size), kl_coefficient=0.1, seed=number
        ),
    )
    return {
        "kept": kept,
        "lengths": uint32_array(found.length).tolist(),
        "texts": texts,
        "returns": returns,
        "reward": float32_array(found.reward),
        "entropy": found.entropy,
        "figures": updated.figures,
        "tokens": updated.tokens,
        "steps": updated.gradient_steps,
    }


def evaluation(call: Engine, ids: Any) -> dict[str, Any]:
    """Two completions each, with judge, figures and texts."""
    asked = evaluate_payload(
        ids, completions=2, figures=["dist_1", "self_bleu", "perplexity"], samples=range(len(ids))
    )
    found = call("evaluate", asked)
    return {
        "samples": [(s.episode, s.prompt, s.completion) for s in found.samples],
        "lengths": uint32_array(found.length).tolist(),
        "near": [float32_array(array) for array in (found.reward, found.kl)],
        "judges": [float32_array(judge.scores) for judge in found.judges],
        "figures": found.figures,
    }


def train(call: Engine, settings: LoadPayload, folder: Path) -> list[dict[str, Any]]:
    """Supervised fine-tuning, two iterations, a checkpoint, and a third iteration."""
    loaded = call("load", settings)
    ids = uint32_array(loaded.train.ids)
    call("score_prompts", score_payload(ids))
    call("sft", sft_payload())
    done = [iteration(call, ids, number, number + 1) for number in range(2)]
    folder.mkdir()
    call("save", SavePayload(path=str(folder)))
    return [*done, iteration(call, ids, 2, 3)]


def check_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    for own, other in zip(found, expected, strict=True):
        for exact in ("kept", "lengths", "texts", "tokens", "steps"):
            assert own[exact] == other[exact], exact
        for near in ("returns", "reward"):
            np.testing.assert_allclose(own[near], other[near], rtol=0, atol=1e-5)
        assert own["entropy"] == pytest.approx(other["entropy"], abs=1e-5)
        assert own["figures"] == pytest.approx(other["figures"], abs=1e-5)


def test_two_processes_compute_what_one_does_and_one_takes_up_their_checkpoint(
    two: Several, settings: LoadPayload, tmp_path: Path
) -> None:
    """Kept sets, texts, losses within 1e-5; the same bits when two do it again."""
    one = alone()
    expected = train(one, settings, tmp_path / "one")
    found = train(two, settings, tmp_path / "two")
    check_same(found, expected)

    # Two to one, and one to two.
    for call, of in ((one, "two"), (two, "one")):
        ids = uint32_array(call("load", settings).train.ids)
        call("score_prompts", score_payload(ids))
        call("restore", RestorePayload(path=str(tmp_path / of)))
        check_same([iteration(call, ids, 2, 3)], expected[2:])

    ids = uint32_array(two("load", settings).train.ids)
    two("score_prompts", score_payload(ids))
    two("restore", RestorePayload(path=str(tmp_path / "two")))
    again = iteration(two, ids, 2, 3)
    assert again["figures"] == found[2]["figures"]
    assert again["returns"].tobytes() == found[2]["returns"].tobytes()


def test_what_fails_or_is_interrupted_anywhere_ends_everywhere(
    two: Several, settings: LoadPayload
) -> None:
    loaded = two("load", settings)
    assert loaded.processes == 2
    ids = batch(uint32_array(loaded.train.ids))
    two("score_prompts", score_payload(sorted(set(ids))))

    with pytest.raises(InputError, match=r"this one cannot \(in process 1 of ranks 0 to 1\)") as no:
        two("rollout", rollout_payload(ids, seed=REFUSED_SEED))
    assert no.value.key == "reward.model"
    for phase in ("sample", "reference", "reward"):
        with pytest.raises(Interrupted, match=f"in {phase}"):
            two("rollout", rollout_payload(ids), interrupt_at=phase)

    two("rollout", rollout_payload(ids))
    for phase in ("reference", "update"):
        with pytest.raises(Interrupted, match=f"in {phase}"):
            two(
                "update",
                update_payload(1, np.ones(len(ids)), kl_weights=np.ones(len(ids))),
                interrupt_at=phase,
            )
    assert two("update", update_payload(1, np.ones(len(ids)))).episodes == len(ids)


def test_an_evaluation_is_divided_too(two: Several, settings: LoadPayload) -> None:
    judged = load_payload(settings, judges=[JUDGE])
    results = []
    for call in (alone(), two):
        loaded = call("load", judged)
        call("sft", sft_payload())
        tests = uint32_array(loaded.test.ids)
        results.append([evaluation(call, some) for some in (tests, tests[:1].repeat(3))])
        # Fewer episodes than processes.
        results[-1].append(call("evaluate", evaluate_payload(tests[:1])).length)
    (*expected, one), (*found, other) = results
    assert one == other
    for own, alike in zip(found, expected, strict=True):
        assert (own["samples"], own["lengths"]) == (alike["samples"], alike["lengths"])
        for name in ("near", "judges"):
            for array, as_array in zip(own[name], alike[name], strict=True):
                np.testing.assert_allclose(array, as_array, rtol=0, atol=1e-5)
        assert own["figures"] == pytest.approx(alike["figures"], rel=1e-5)


def test_one_kept_episode_is_one_process_s_work(two: Several, settings: LoadPayload) -> None:
    ids = uint32_array(two("load", settings).train.ids)
    two("score_prompts", score_payload(ids))
    two("rollout", rollout_payload(batch(ids)))
    weights = np.zeros(PROMPTS)
    weights[4] = 1
    found = two("update", update_payload(1, weights))

    one = alone()
    one("load", settings)
    one("score_prompts", score_payload(ids))
    one("rollout", rollout_payload(batch(ids)))
    assert found.figures == pytest.approx(
        one("update", update_payload(1, weights)).figures, abs=1e-5
    )


def test_a_rollout_of_fewer_episodes_than_processes_is_refused(
    two: Several, settings: LoadPayload
) -> None:
    ids = uint32_array(two("load", settings).train.ids)
    two("score_prompts", score_payload(ids))
    with pytest.raises(InputError, match="1 episodes cannot be divided among 2") as no:
        two("rollout", rollout_payload(ids[:1]))
    assert no.value.key == "training.batch"
