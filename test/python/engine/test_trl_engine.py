"""The trl engine's own promises, beyond the contract of every engine."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.engine.options import TrlOptions, read_trl_options, schema_of
from averse_worker.engine.trl.engine import TrlEngine
from averse_worker.engine.trl.trainers import filled
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.base import float32_array, uint32_array
from averse_worker.wire.messages.load import LoadPayload
from averse_worker.wire.messages.training import UpdateResult
from payloads import adapter, load_payload, rollout_payload, update_payload
from tiny_models import no_report

pytestmark = pytest.mark.filterwarnings("ignore")

EPISODES = 8


class Rolled:
    """An engine with a rollout in hand, whose updates move nothing but by the learning rate."""

    def __init__(self, load: LoadPayload, **changes: Any) -> None:
        self.engine = TrlEngine()
        settings = {"training__critic": False, "training__epochs": 1, "training__minibatch": 8}
        payload = load_payload(load, **{**settings, **changes})
        self.ids = uint32_array(self.engine.load(payload, no_report).train.ids)[:EPISODES]
        self.rollout()

    def rollout(self, seed: int = 1) -> None:
        payload = rollout_payload(self.ids, seed=seed)
        self.rolled = self.engine.rollout(payload, no_report)

    def update(self, advantages: Any, **settings: Any) -> UpdateResult:
        number = self.rolled.rollout
        payload = update_payload(number, advantages=advantages, **settings)
        return self.engine.update(payload, no_report)


@pytest.mark.parametrize(
    ("given_options", "key"),
    [
        ({"scale_rewards": "none"}, "scale_rewards"),
        ({"epsilon": -1}, "epsilon"),
        ({"trainer": "ppo"}, "trainer"),
    ],
)
def test_an_option_that_cannot_be_names_itself(given_options: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as caught:
        read_trl_options(given_options)
    assert caught.value.key == f"backend.engine_options.{key}"
    assert f"backend.engine_options.{key}" in caught.value.message


def test_the_schema_has_every_option() -> None:
    schema = schema_of(TrlOptions)
    assert set(schema["properties"]) == set(TrlOptions.__struct_fields__)
    assert schema["additionalProperties"] is False
    assert read_trl_options({}) == TrlOptions()


@given(
    taking=st.sets(st.integers(0, 19), min_size=1),
    more=st.integers(0, 5),
    chunks=st.integers(1, 24),
)
def test_a_batch_is_filled_up_to_equal_chunks(taking: set[int], more: int, chunks: int) -> None:
    own, episodes = np.array(sorted(taking)), max(taking) + 1 + more
    rows = filled(own, episodes, chunks)
    assert len(rows) % chunks == 0
    assert len(rows) - len(own) < chunks
    assert rows[: len(own)].tolist() == own.tolist()
    assert ((rows >= 0) & (rows < episodes)).all()
    # Nobody stands there twice while there are others.
    if len(rows) <= episodes:
        assert len(set(rows.tolist())) == len(rows)


@pytest.mark.parametrize("aggregation", ["token-mean", "seq-mean-token-mean", "seq-mean-token-sum"])
def test_who_is_left_out_counts_in_the_mean(torch_load: LoadPayload, aggregation: Any) -> None:
    """Four episodes without an advantage, and the same four with next to none."""
    found = []
    for rest in (0.0, 1e-20):
        rolled = Rolled(torch_load, training__learning_rate=0)
        done = rolled.update([2, -1, 1, 0.5, *[rest] * 4], aggregation=aggregation, steps=1)
        found.append((done.episodes, done.figures))
    assert [episodes for episodes, _ in found] == [4, EPISODES]
    for name in ("loss_policy", "grad_norm"):
        assert found[0][1][name] == pytest.approx(found[1][1][name], rel=1e-4)
        assert found[0][1][name] != 0


@pytest.mark.parametrize("microbatch", [2, 3])
def test_microbatches_divide_a_step_and_change_nothing(
    torch_load: LoadPayload, microbatch: int
) -> None:
    figures = []
    for size in (0, microbatch):
        settings = {"training__learning_rate": 0, "training__microbatch": size}
        rolled = Rolled(torch_load, **settings)
        done = rolled.update(np.linspace(-1, 1, EPISODES), aggregation="seq-mean-token-sum")
        assert done.gradient_steps == 1
        figures.append(done.figures["grad_norm"])
    assert figures[1] == pytest.approx(figures[0], rel=1e-4)


@pytest.mark.parametrize("rank", [0, 2])
def test_trls_own_kl_is_against_our_reference(torch_load: LoadPayload, rank: int) -> None:
    """With an adapter too, whose reference is the model without it."""
    rolled = Rolled(
        torch_load,
        policy__adapter=adapter(rank),
        training__learning_rate=1e-2,
        engine_options={"beta": 0.1},
    )
    assert np.abs(float32_array(rolled.rolled.kl)).max() == 0
    first = rolled.update([1.0, -1.0, *[0.0] * 6]).figures
    assert first["kl_per_token"] == pytest.approx(0, abs=1e-6)
    rolled.rollout(seed=2)
    kl = float32_array(rolled.rolled.kl)
    assert np.abs(kl).max() > 1e-4
    # Everybody has the KL, whoever has an advantage.
    second = rolled.update([1.0, -1.0, *[0.0] * 6]).figures
    assert second["kl_per_token"] > first["kl_per_token"]


def test_what_trl_has_not_is_refused_with_its_key(torch_load: LoadPayload) -> None:
    rolled = Rolled(torch_load)
    payload = update_payload(rolled.rolled.rollout, kl_weights=np.ones(EPISODES))
    with pytest.raises(InputError, match=r"set kl\.form to return") as caught:
        rolled.engine.update(payload, no_report)
    assert caught.value.key == "kl.form"
    with pytest.raises(InputError, match="no critic") as caught:
        Rolled(torch_load, training__critic=True)
    assert caught.value.key == "training.critic"
    with pytest.raises(InputError, match="entropy") as caught:
        Rolled(torch_load, training__entropy_coefficient=0.1)
    assert caught.value.key == "training.entropy_coefficient"
    rloo = Rolled(torch_load, engine_options={"trainer": "rloo"})
    with pytest.raises(InputError, match="RLOOTrainer") as caught:
        rloo.update(np.ones(EPISODES), aggregation="token-mean")
    assert caught.value.key == "training.loss_aggregation"
