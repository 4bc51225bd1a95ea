"""What every engine promises, run on each one (`engine_factory` in conftest.py)."""

import hashlib
import itertools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from averse_worker.engine.contract import Engine
from averse_worker.engine.registry import ENGINES
from averse_worker.wire.errors import Interrupted, WorkerError
from averse_worker.wire.messages.base import Message, float32_array, float32_bytes, uint32_array
from averse_worker.wire.messages.envelope import Empty
from averse_worker.wire.messages.evaluation import CapabilityPayload
from averse_worker.wire.messages.load import (
    LoadPayload,
    LoadResult,
    PromptScores,
    ScorePromptsResult,
)
from averse_worker.wire.messages.training import (
    EpisodeText,
    ExportPayload,
    RestorePayload,
    RolloutResult,
    SavePayload,
    UpdateResult,
)
from conftest import Subject
from payloads import (
    JUDGE,
    classifier,
    data_source,
    evaluate_payload,
    load_payload,
    rollout_payload,
    score_payload,
    sft_payload,
    texts_payload,
    toxicity_payload,
    update_payload,
)

pytestmark = pytest.mark.filterwarnings("ignore")

EPISODES = 8
CLOCKED = ("seconds", "memory_bytes", "gpu")
"""Fields that two equal runs may differ in."""


def quiet(phase: str, done: int, total: int, unit: str, loss: float | None = None) -> None:
    """Discards progress reports."""


class Progress:
    """A report that remembers, and interrupts at its n-th call if told to."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.calls: list[tuple[str, int, int, str]] = []
        self._interrupt_at = interrupt_at

    def __call__(
        self, phase: str, done: int, total: int, unit: str, loss: float | None = None
    ) -> None:
        self.calls.append((phase, done, total, unit))
        if len(self.calls) == self._interrupt_at:
            raise Interrupted("on request")


def content(result: Message) -> dict[str, Any]:
    """A result without what the clock and the memory put into it."""
    fields = msgspec.to_builtins(result, builtin_types=(bytes,))
    return {name: value for name, value in fields.items() if name not in CLOCKED}


class Loaded:
    """A new engine of the subject with its models loaded."""

    def __init__(self, subject: Subject, **changes: Any) -> None:
        self.engine: Engine = subject.make()
        self.payload: LoadPayload = load_payload(subject.load, **changes)
        self.result: LoadResult = self.engine.load(self.payload, quiet)
        self.train = uint32_array(self.result.train.ids)
        self.test = uint32_array(self.result.test.ids)

    def score(self, split: str = "train", known: Any = None) -> ScorePromptsResult:
        """The scores of all prompts of the split."""
        prompts = self.train if split == "train" else self.test
        payload = score_payload(prompts, split=split, known=known)
        return self.engine.score_prompts(payload, quiet)

    def rollout(self, seed: int = 1, **settings: Any) -> RolloutResult:
        prompts = settings.pop("prompts", self.train[:EPISODES])
        return self.engine.rollout(rollout_payload(prompts, seed=seed, **settings), quiet)

    def update(
        self, rollout: RolloutResult, weights: Any = None, seed: int = 1, **arrays: Any
    ) -> UpdateResult:
        """Without a critic the weights are sent as advantages: the same episodes take part."""
        critic = self.payload.training.critic
        if weights is not None and not critic and "advantages" not in arrays:
            weights, arrays["advantages"] = None, weights
        payload = update_payload(rollout.rollout, weights, seed=seed, **arrays)
        return self.engine.update(payload, quiet)

    def texts(self, rollout: RolloutResult, episodes: Any) -> list[EpisodeText]:
        return self.engine.texts(texts_payload(rollout.rollout, episodes), quiet).texts

    def evaluate(self, **changes: Any) -> dict[str, Any]:
        prompts = changes.pop("prompts", self.test[:EPISODES])
        payload = evaluate_payload(prompts, **changes)
        return content(self.engine.evaluate(payload, quiet))

    def learn(self, seed: int = 1) -> None:
        """One iteration with the worse half of the episodes kept."""
        rollout = self.rollout(seed)
        self.update(rollout, worse_half(rollout), seed)

    def save(self, folder: Path) -> Path:
        folder.mkdir()
        self.engine.save(SavePayload(path=str(folder)), quiet)
        return folder

    def restore(self, folder: Path) -> None:
        self.engine.restore(RestorePayload(path=str(folder)), quiet)


def worse_half(rollout: RolloutResult) -> list[float]:
    returns = float32_array(rollout.return_)
    return [float(value <= np.median(returns)) for value in returns]


def refused(call: Callable[[], Any], *kinds: str) -> WorkerError:
    """The error that the call ends with, which must be of one of these kinds."""
    with pytest.raises(WorkerError) as caught:
        call()
    assert caught.value.kind in kinds, caught.value
    assert len(caught.value.message) > 20
    return caught.value


# ── load ────────────────────────────────────────────────────────────────────────────────────


def test_load_answers_prompts_of_both_splits(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    assert loaded.engine.name == engine_factory.name
    assert loaded.engine.capabilities == ENGINES[engine_factory.name].capabilities
    for split in (loaded.result.train, loaded.result.test):
        ids = uint32_array(split.ids)
        assert len(ids) >= EPISODES
        assert len(set(ids.tolist())) == len(ids)
        assert len(bytes.fromhex(split.scores_digest)) == 32
    assert loaded.result.parameters > 0
    assert loaded.result.context >= 8
    assert "python" in loaded.result.versions
    assert (loaded.result.nondeterminism == []) == loaded.engine.capabilities.bitwise


def test_digests_are_sha256_of_all_that_was_loaded(engine_factory: Subject) -> None:
    payload = engine_factory.load
    digests = msgspec.to_builtins(Loaded(engine_factory, judges=[JUDGE]).result.digests)
    rewards, judges = digests.pop("rewards"), digests.pop("judges")
    assert list(rewards) == [reward.name for reward in payload.rewards]
    assert list(judges) == ["judge"]
    assert digests.pop("evaluation") == {}
    assert digests.pop("decoding") == {}
    for part, files in {**digests, **rewards, **judges}.items():
        assert files, part
        assert all(len(bytes.fromhex(digest)) == 32 for digest in files.values())


def test_loading_twice_gives_the_same(engine_factory: Subject) -> None:
    once = Loaded(engine_factory)
    again = once.engine.load(once.payload, quiet)
    assert content(again) == content(once.result)


BAD_LOADS: list[tuple[str, dict[str, Any]]] = [
    ("policy.model", {"policy__model": "/no/such/folder"}),
    ("reward.model", {"rewards__0__scorer": classifier("/no/such/folder")}),
    ("data.path", {"data__source": data_source("/no/such/folder")}),
    ("reward.label", {"rewards__0__scorer__labels": ["no-such-class"]}),
    ("evaluation.judges", {"judges": [JUDGE, JUDGE]}),
    ("backend.engine_options.surprise", {"engine_options": {"surprise": 1}}),
    ("rollout.new_tokens", {"rollout__new_tokens": 0}),
    ("rollout.min_new_tokens", {"rollout__min_new_tokens": 10**6}),
    ("rollout.temperature", {"rollout__temperature": 0}),
    ("rollout.top_p", {"rollout__top_p": 1.5}),
    ("training.epochs", {"training__epochs": 0}),
    ("training.minibatch", {"training__minibatch": 0}),
    ("training.ema_decay", {"training__ema_decay": 1}),
    ("training.prefix_baseline", {"training__prefix_baseline": True, "training__critic": False}),
]


@pytest.mark.parametrize(("key", "changes"), BAD_LOADS, ids=[key for key, _ in BAD_LOADS])
def test_a_load_that_cannot_work_names_the_key(
    engine_factory: Subject, key: str, changes: dict[str, Any]
) -> None:
    payload = load_payload(engine_factory.load, **changes)
    error = refused(lambda: engine_factory.make().load(payload, quiet), "input")
    assert error.key == key


def test_devices_are_told_before_anything_is_loaded(engine_factory: Subject) -> None:
    told = engine_factory.make().devices(Empty(), quiet)
    names = [device.name for device in told.devices]
    assert told.auto in names
    assert "cpu" in names
    assert len(set(names)) == len(names)
    assert all(device.description for device in told.devices)
    assert told.cores >= 1


# ── prompt scores ───────────────────────────────────────────────────────────────────────────


def second_component(subject: Subject) -> dict[str, Any]:
    """Two components of unlike weight and shape, of the subject's own reward model."""
    first = msgspec.to_builtins(subject.load.rewards[0])
    other = {**first, "name": "other", "weight": 0.5, "transform": "log-sigmoid"}
    other["scorer"] = {**first["scorer"], "sign": -1}
    return {"rewards": [{**first, "weight": 2}, other]}


def test_every_prompt_gets_a_score_of_every_component(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory, **second_component(engine_factory))
    for split, ids in (("train", loaded.train), ("test", loaded.test)):
        told = loaded.score(split)
        assert [scores.name for scores in told.components] == ["reward", "other"]
        one, other = (float32_array(scores.scores) for scores in told.components)
        assert one.shape == other.shape == ids.shape
        assert np.isfinite(one).all()
        assert np.isfinite(other).all()
        np.testing.assert_allclose(float32_array(told.combined), 2 * one + 0.5 * other, rtol=1e-5)


def test_scores_of_some_prompts_are_those_of_all(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    [whole] = loaded.score().components
    payload = score_payload(loaded.train[[5, 2]])
    [some] = loaded.engine.score_prompts(payload, quiet).components
    expected = float32_array(whole.scores)[[5, 2]]
    np.testing.assert_allclose(float32_array(some.scores), expected, rtol=1e-4, atol=1e-5)


def test_known_scores_are_taken_over(engine_factory: Subject) -> None:
    """What they are worth is seen where they count: in the prompt baseline."""
    changes = {"rewards__0__baseline": "prompt"}
    loaded = Loaded(engine_factory, **changes)
    told = loaded.score()
    rollout = content(loaded.rollout(beta=0))
    again = Loaded(engine_factory, **changes)
    assert again.result.train.scores_digest == loaded.result.train.scores_digest
    progress = Progress()
    payload = score_payload(again.train, known=told.components)
    assert content(again.engine.score_prompts(payload, progress)) == content(told)
    assert not [call for call in progress.calls if 0 < call[1] < call[2]]
    assert content(again.rollout(beta=0)) == rollout
    moved = float32_array(told.components[0].scores) + 1
    name = told.components[0].name
    again.score(known=[PromptScores(name=name, scores=float32_bytes(moved))])
    returns = float32_array(again.rollout(beta=0).return_)
    np.testing.assert_allclose(returns, float32_array(rollout["return"]) - 1, atol=1e-4)


def test_known_scores_that_do_not_fit_are_refused(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    [told] = loaded.score().components
    for wrong in (
        [],
        [PromptScores(name="other", scores=told.scores)],
        [PromptScores(name=told.name, scores=told.scores[4:])],
        [PromptScores(name=told.name, scores=b"\0\0\xc0\x7f" * len(loaded.train))],
    ):
        refused(lambda known=wrong: loaded.score(known=known), "input")


def test_the_scores_digest_follows_the_rewards_and_not_the_policy(engine_factory: Subject) -> None:
    plain = Loaded(engine_factory).result.train
    trained = Loaded(engine_factory, training__epochs=1, seed=8).result
    turned = Loaded(engine_factory, rewards__0__scorer__sign=-1).result
    assert trained.train == plain
    assert turned.train.scores_digest != plain.scores_digest
    assert turned.test.scores_digest != turned.train.scores_digest


def test_a_rollout_that_needs_prompt_scores_says_so(engine_factory: Subject) -> None:
    needing: list[dict[str, Any]] = [{"rewards__0__baseline": "prompt"}]
    if ENGINES[engine_factory.name].capabilities.prefix_baseline:
        needing.append({"training__prefix_baseline": True})
    for changes in needing:
        loaded = Loaded(engine_factory, **changes)
        assert "`score_prompts`" in refused(loaded.rollout, "protocol").message
        loaded.score()
        loaded.rollout()
        loaded.engine.load(loaded.payload, quiet)
        refused(loaded.rollout, "protocol")


# ── rollout ─────────────────────────────────────────────────────────────────────────────────


def test_a_rollout_has_one_entry_per_episode(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout()
    assert (rollout.lambda_return is not None) == loaded.payload.training.critic
    for data in (rollout.reward, rollout.kl, rollout.return_, rollout.lambda_return):
        if data is None:
            continue
        assert float32_array(data).shape == (EPISODES,)
        assert np.isfinite(float32_array(data)).all()
    lengths = uint32_array(rollout.length)
    settings = loaded.payload.rollout
    assert lengths.shape == (EPISODES,)
    assert (lengths >= max(settings.min_new_tokens, 1)).all()
    assert (lengths <= settings.new_tokens).all()
    assert rollout.tokens == lengths.sum()


def test_a_rollout_depends_on_its_seed_alone(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    first = content(loaded.rollout(seed=1))
    second = content(loaded.rollout(seed=2))
    again = content(loaded.rollout(seed=1))
    elsewhere = content(Loaded(engine_factory).rollout(seed=1))
    ids = [result.pop("rollout") for result in (first, second, again)]
    elsewhere.pop("rollout")
    assert len(set(ids)) == 3
    assert first == again == elsewhere
    assert first["reward"] != second["reward"]


def test_completions_of_one_prompt_differ(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout(prompts=[loaded.train[0]] * EPISODES)
    assert len(set(float32_array(rollout.reward).tolist())) > 1


def test_several_completions_are_grouped_by_prompt(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout(prompts=loaded.train[:3], completions=4)
    assert float32_array(rollout.reward).shape == (12,)
    assert rollout.tokens == uint32_array(rollout.length).sum()
    shown = [text.prompt for text in loaded.texts(rollout, range(12))]
    assert [len(set(shown[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]
    assert len({*shown[::4]}) == 3
    repeated = loaded.rollout(prompts=np.repeat(loaded.train[:3], 4))
    assert content(repeated) | {"rollout": 0} == content(rollout) | {"rollout": 0}
    assert loaded.update(repeated, [0.0] * 11 + [1.0]).episodes == 1


def test_components_add_up_to_the_reward(engine_factory: Subject) -> None:
    changes = second_component(engine_factory)
    rollout = Loaded(engine_factory, **changes).rollout(beta=0)
    assert [part.name for part in rollout.components] == ["reward", "other"]
    one, other = (float32_array(part.scores).astype(np.float64) for part in rollout.components)
    assert all(part.failures == [] for part in rollout.components)
    reward, returns = float32_array(rollout.reward), float32_array(rollout.return_)
    np.testing.assert_allclose(reward, 2 * one + 0.5 * other, rtol=1e-4, atol=1e-5)
    scale = changes["rewards"][1]["scale"]
    expected = 2 * one - 0.5 * scale * np.logaddexp(0, -other)
    np.testing.assert_allclose(returns, expected, rtol=1e-4, atol=1e-4)
    shares = [float32_array(data).astype(np.float64) for data in rollout.trained]
    np.testing.assert_allclose(shares[0], 2 * one, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sum(shares), returns, rtol=1e-4, atol=1e-4)


def test_the_kl_can_be_left_out_of_the_return(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory, training__gamma=1, training__learning_rate=1e-3)
    loaded.learn()
    rollout = loaded.rollout(seed=2, beta=None)
    assert np.abs(float32_array(rollout.kl)).max() > 0
    np.testing.assert_allclose(
        float32_array(rollout.return_), float32_array(rollout.reward), rtol=1e-5
    )


def test_without_a_critic_there_are_no_lambda_returns(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory, training__critic=False)
    rollout = loaded.rollout()
    assert rollout.lambda_return is None
    if loaded.engine.capabilities.critic:
        with_critic = content(Loaded(engine_factory).rollout())
        assert {**content(rollout), "lambda_return": 0} == {**with_critic, "lambda_return": 0}
    weighed = update_payload(rollout.rollout, np.ones(EPISODES))
    error = refused(lambda: loaded.engine.update(weighed, quiet), "input")
    assert error.key == "training.critic"
    figures = loaded.update(rollout, advantages=np.linspace(-1, 1, EPISODES)).figures
    assert "loss_policy" in figures
    assert {"loss_value", "explained_variance"}.isdisjoint(figures)


def test_the_untrained_policy_is_its_own_reference(engine_factory: Subject) -> None:
    rollout = Loaded(engine_factory).rollout(beta=1.0)
    assert np.abs(float32_array(rollout.kl)).max() < 1e-3


def test_the_return_is_the_reward_less_the_weighted_kl(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory, training__gamma=1, training__learning_rate=1e-3)
    loaded.learn()
    rollout = loaded.rollout(seed=2, beta=0.5)
    reward, kl = float32_array(rollout.reward), float32_array(rollout.kl)
    assert np.abs(kl).max() > 0
    np.testing.assert_allclose(
        float32_array(rollout.return_), reward - 0.5 * kl, rtol=1e-4, atol=1e-4
    )


def test_transforms_shape_the_return_and_not_the_raw_reward(engine_factory: Subject) -> None:
    plain = Loaded(engine_factory).rollout(beta=0)
    raw = float32_array(plain.reward).astype(np.float64)
    for transform, expected in (
        ("clip", np.clip(raw, -0.1, 0.1)),
        ("log-sigmoid", -0.1 * np.logaddexp(0, -raw)),
    ):
        changes = {"rewards__0__transform": transform, "rewards__0__scale": 0.1}
        shaped = Loaded(engine_factory, **changes).rollout(beta=0)
        np.testing.assert_allclose(float32_array(shaped.reward), raw, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(float32_array(shaped.return_), expected, atol=1e-4)


def test_the_prompt_baseline_takes_the_prompts_score_off(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory, rewards__0__baseline="prompt")
    scores = float32_array(loaded.score().combined)[:EPISODES]
    rollout = loaded.rollout(beta=0)
    expected = float32_array(rollout.reward) - scores
    np.testing.assert_allclose(float32_array(rollout.return_), expected, atol=1e-4)


def test_unknown_prompts_are_refused(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    error = refused(lambda: loaded.rollout(prompts=[4_000_000_000]), "input", "protocol")
    assert "4000000000" in error.message
    refused(lambda: loaded.rollout(prompts=[]), "input", "protocol")


# ── update ──────────────────────────────────────────────────────────────────────────────────


def test_an_update_changes_the_policy(engine_factory: Subject) -> None:
    trained, untrained = Loaded(engine_factory), Loaded(engine_factory)
    trained.learn()
    untrained.rollout()
    assert trained.evaluate()["kl"] != untrained.evaluate()["kl"]


def test_an_update_counts_what_it_kept(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout()
    weights = [0.0, 1.0, 0.0, 2.0, 0.5, 0.0, 0.0, 0.0]
    result = loaded.update(rollout, weights)
    training = loaded.payload.training
    lengths = uint32_array(rollout.length)
    assert result.episodes == 3
    assert result.tokens == lengths[np.array(weights) > 0].sum() * training.epochs
    assert result.gradient_steps == training.epochs * math.ceil(3 / training.minibatch)
    assert 0 <= result.figures["clip_fraction"] <= 1
    assert result.figures["grad_norm"] >= 0


def test_every_figure_was_declared(engine_factory: Subject) -> None:
    declared = ENGINES[engine_factory.name].figures
    loaded = Loaded(engine_factory, evaluation=measures(engine_factory))
    everybody = np.ones(EPISODES)
    for name in arrays_for(loaded):
        arrays = {name: everybody}
        rollout = loaded.rollout()
        told = loaded.update(rollout, **arrays).figures
        assert told.keys() <= declared.update.keys()
        assert ("loss_value" in told) == ("weights" in arrays)
        assert ("loss_kl" in told) == ("kl_weights" in arrays)
        assert ("loss_policy" in told) == ("kl_weights" not in arrays)
    told = loaded.evaluate(figures=list(declared.evaluate))["figures"]
    also = toxicity_of(loaded, figures=list(declared.evaluate))["figures"]
    assert told.keys() | also.keys() == declared.evaluate.keys()


def everybody_in(loaded: Loaded) -> dict[str, Any]:
    """An array with which every episode takes part: weights, or without a critic advantages."""
    return {"weights" if loaded.payload.training.critic else "advantages": np.ones(EPISODES)}


# What follows is the same for each of the arrays that an update may have.
ARRAYS: dict[str, list[float]] = {
    "weights": [0.0, 1.0, 0.0, 2.0, 0.5, 0.0, 0.0, 0.0],
    "advantages": [0.0, -1.0, 0.0, 2.0, 0.5, 0.0, 0.0, 0.0],
    "kl_weights": [0.0, 1.0, 0.0, 8.0, 0.5, 0.0, 0.0, 0.0],
}
_NEEDS = {"weights": "critic", "kl_weights": "kl_loss"}
MARKED_ARRAYS = [
    pytest.param(name, marks=pytest.mark.needs(_NEEDS[name])) if name in _NEEDS else name
    for name in ARRAYS
]


def arrays_for(loaded: Loaded) -> dict[str, list[float]]:
    """Those of them that the engine takes."""
    has = loaded.engine.capabilities
    return {
        name: values
        for name, values in ARRAYS.items()
        if name not in _NEEDS or getattr(has, _NEEDS[name])
    }


@pytest.mark.parametrize("name", MARKED_ARRAYS)
def test_episodes_that_do_not_take_part_are_not_gone_through(
    engine_factory: Subject, name: str
) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout()
    result = loaded.update(rollout, **{name: ARRAYS[name]})
    epochs = loaded.payload.training.epochs
    taking = np.array(ARRAYS[name]) != 0
    assert result.episodes == 3
    assert result.tokens == uint32_array(rollout.length)[taking].sum() * epochs


@pytest.mark.needs("kl_loss")
def test_episodes_take_part_by_either_array(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout()
    advantages = [1.0, -1.0, *[0.0] * (EPISODES - 2)]
    kl_weights = [0.0, 1.0, 4.0, *[0.0] * (EPISODES - 3)]
    result = loaded.update(rollout, advantages=advantages, kl_weights=kl_weights)
    assert result.episodes == 3
    assert {"loss_policy", "loss_kl", "kl_estimate"} <= result.figures.keys()


@pytest.mark.parametrize("name", MARKED_ARRAYS)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_number_of_gradient_steps_can_be_set(
    engine_factory: Subject, name: str, steps: int
) -> None:
    loaded = Loaded(engine_factory)
    result = loaded.update(loaded.rollout(), **{name: ARRAYS[name]}, steps=steps)
    assert result.gradient_steps == steps * loaded.payload.training.epochs
    assert result.episodes == 3
    everybody = loaded.update(loaded.rollout(), **{name: np.ones(EPISODES)}, steps=steps)
    assert everybody.gradient_steps == result.gradient_steps


def test_the_sign_of_an_advantage_is_the_direction(engine_factory: Subject) -> None:
    """More of what the first half did, less of what the second did; and the other way round."""
    halves = np.repeat([1.0, -1.0], EPISODES // 2)
    ratios = []
    for advantages in (halves, -halves):
        loaded = Loaded(engine_factory, training__learning_rate=1e-3)
        loaded.update(loaded.rollout(), advantages=advantages)
        ratios.append(loaded.evaluate()["kl"])
    assert ratios[0] != ratios[1]


def test_advantages_are_taken_as_they_are(engine_factory: Subject) -> None:
    losses = []
    for factor in (1.0, 3.0):
        loaded = Loaded(engine_factory, training__learning_rate=0, training__epochs=1)
        advantages = factor * np.array(ARRAYS["advantages"])
        losses.append(loaded.update(loaded.rollout(), advantages=advantages, steps=1).figures)
    for name in ("loss_policy", "grad_norm"):
        assert losses[1][name] == pytest.approx(3 * losses[0][name], rel=1e-4)
    # An episode is one mean over the whole rollout: those without an advantage count in it.
    assert losses[0]["loss_policy"] != 0


@pytest.mark.needs("kl_loss")
@pytest.mark.parametrize("form", ["exact", "k3", "k3-corrected"])
def test_the_kl_loss_draws_the_policy_back(engine_factory: Subject, form: Any) -> None:
    loaded = Loaded(engine_factory, training__learning_rate=1e-3)
    for seed in range(4):
        loaded.update(loaded.rollout(seed), advantages=np.linspace(-2, 2, EPISODES))

    def drift() -> float:
        return float(float32_array(loaded.evaluate(prompts=loaded.test)["kl"]).mean())

    before = drift()
    prompts = loaded.train[:48]  # k3 is noisy: a few episodes say little
    for seed in range(6):
        rollout = loaded.rollout(seed, prompts=prompts)
        payload = update_payload(rollout.rollout, kl_weights=np.ones(48), kl_form=form)
        gently = msgspec.structs.replace(payload, learning_rate_factor=0.2)
        assert loaded.engine.update(gently, quiet).figures["kl_estimate"] > 0
    assert before > 0
    assert drift() < 0.7 * before


@pytest.mark.needs("kl_loss")
def test_a_kl_loss_of_no_drift_is_nothing(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    for form in ("exact", "k3", "k3-corrected"):
        told = loaded.update(loaded.rollout(), kl_weights=np.ones(EPISODES), kl_form=form)
        assert told.figures["loss_kl"] == pytest.approx(0, abs=1e-6)
        assert told.figures["grad_norm"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("aggregation", ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean"])
def test_every_aggregation_is_known(engine_factory: Subject, aggregation: Any) -> None:
    loaded = Loaded(engine_factory)
    for name, values in arrays_for(loaded).items():
        told = loaded.update(loaded.rollout(), **{name: values}, aggregation=aggregation)
        assert told.episodes == 3


def learned(subject: Subject, *, prompts: int = EPISODES, **arrays: Any) -> tuple[Any, Any]:
    """Figures of an update of a second iteration, where the KL is not 0, and the policy after it.

    An array may be a function of the rollout.
    """
    loaded = Loaded(subject, training__learning_rate=1e-3)
    loaded.learn()
    rollout = loaded.rollout(seed=2, prompts=loaded.train[:prompts])
    values = {name: array(rollout) if callable(array) else array for name, array in arrays.items()}
    figures = loaded.update(rollout, seed=2, **values).figures
    return figures, float32_array(loaded.evaluate()["kl"])


def trained_rewards(rollout: RolloutResult) -> Any:
    return sum(float32_array(data).astype(np.float64) for data in rollout.trained)


@pytest.mark.needs("critic")
def test_the_trained_rewards_sent_back_change_nothing(engine_factory: Subject) -> None:
    weights = ARRAYS["weights"]
    figures, kl = learned(engine_factory, weights=weights)
    same, same_kl = learned(engine_factory, weights=weights, rewards=trained_rewards)
    assert same == pytest.approx(figures, rel=1e-4, abs=1e-6)
    np.testing.assert_allclose(same_kl, kl, rtol=1e-3, atol=1e-5)
    other, other_kl = learned(
        engine_factory, weights=weights, rewards=lambda r: -trained_rewards(r)
    )
    assert other["loss_value"] != pytest.approx(figures["loss_value"], rel=1e-2)
    assert np.abs(other_kl - kl).max() > 1e-4


@pytest.mark.needs("critic")
def test_rewards_of_episodes_without_weight_are_not_looked_at(engine_factory: Subject) -> None:
    def spoilt(rollout: RolloutResult) -> Any:
        return np.where(np.array(ARRAYS["weights"]) > 0, trained_rewards(rollout), 1e6)

    weights = ARRAYS["weights"]
    figures, _ = learned(engine_factory, weights=weights, rewards=trained_rewards)
    same, _ = learned(engine_factory, weights=weights, rewards=spoilt)
    assert same == figures


@pytest.mark.needs("critic")
def test_whitening_over_the_batch_is_another_update(engine_factory: Subject) -> None:
    weights = ARRAYS["weights"]
    kept, _ = learned(engine_factory, weights=weights)
    batch, _ = learned(engine_factory, weights=weights, whiten="batch")
    assert batch["loss_policy"] != pytest.approx(kept["loss_policy"], rel=1e-3)
    # The critic learns the same: whitening is the policy's alone. Only its first step is the same.
    everybody = np.ones(EPISODES)
    first, kl = learned(engine_factory, weights=everybody)
    same, same_kl = learned(engine_factory, weights=everybody, whiten="batch")
    assert same == pytest.approx(first, rel=1e-3, abs=1e-5)
    np.testing.assert_allclose(same_kl, kl, rtol=1e-2, atol=1e-4)


@pytest.mark.needs("critic")
def test_rewards_come_with_weights_one_per_episode(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout()
    everybody = np.ones(EPISODES)
    refused(lambda: loaded.update(rollout, advantages=everybody, rewards=everybody), "input")
    refused(lambda: loaded.update(rollout, everybody, rewards=everybody[1:]), "input")
    assert loaded.update(rollout, everybody, rewards=-everybody).episodes == EPISODES


def test_arrays_that_exclude_each_other_are_refused(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout()
    everybody = np.ones(EPISODES)
    refused(lambda: loaded.update(rollout), "input")
    refused(lambda: loaded.update(rollout, everybody, advantages=everybody), "input")
    for name in ARRAYS:
        nothing = {name: 0 * everybody}
        refused(lambda nothing=nothing: loaded.update(rollout, **nothing), "input")
    payload = update_payload(rollout.rollout, kl_weights=everybody)
    lone = msgspec.structs.replace(payload, kl_loss=None)
    refused(lambda: loaded.engine.update(lone, quiet), "input")
    # A refusal has changed nothing: the rollout can still be learned from.
    assert loaded.update(rollout, everybody).episodes == EPISODES


@pytest.mark.needs("critic")
def test_only_the_ratio_of_weights_counts(engine_factory: Subject) -> None:
    results = []
    for factor in (1.0, 4.0, 0.125):
        loaded = Loaded(engine_factory)
        rollout = loaded.rollout()
        weights = factor * np.array([0.0, 1.0, 0.0, 2.0, 0.5, 0.0, 0.0, 1.0])
        update = loaded.update(rollout, weights)
        told = update.figures
        results.append((told["loss_policy"], told["grad_norm"], loaded.evaluate()["kl"]))
    for other in results[1:]:
        assert other[0] == pytest.approx(results[0][0], rel=1e-4, abs=1e-6)
        assert other[1] == pytest.approx(results[0][1], rel=1e-4, abs=1e-6)
        kl, first_kl = float32_array(other[2]), float32_array(results[0][2])
        np.testing.assert_allclose(kl, first_kl, rtol=1e-3, atol=1e-5)


def test_weights_decide_who_is_learnt_from(engine_factory: Subject) -> None:
    kls = []
    for kept in (slice(0, 4), slice(4, 8)):
        loaded = Loaded(engine_factory)
        rollout = loaded.rollout()
        weights = np.zeros(EPISODES)
        weights[kept] = 1
        loaded.update(rollout, weights)
        kls.append(loaded.evaluate()["kl"])
    assert kls[0] != kls[1]


@pytest.mark.parametrize("factor", [0.0, 0.5])
def test_the_learning_rate_factor_scales_the_step(engine_factory: Subject, factor: float) -> None:
    kls = []
    for applied in (1.0, factor):
        loaded = Loaded(engine_factory)
        rollout = loaded.rollout()
        payload = update_payload(rollout.rollout, **everybody_in(loaded))
        loaded.engine.update(msgspec.structs.replace(payload, learning_rate_factor=applied), quiet)
        kls.append(np.abs(float32_array(loaded.evaluate()["kl"])).max())
    assert kls[1] < kls[0]
    if factor == 0:
        assert kls[1] < 1e-3


BAD_WEIGHTS: dict[str, list[float]] = {
    "too few": [1.0] * (EPISODES - 1),
    "too many": [1.0] * (EPISODES + 1),
    "negative": [1.0] * (EPISODES - 1) + [-0.5],
    "all zero": [0.0] * EPISODES,
    "not a number": [1.0] * (EPISODES - 1) + [math.nan],
    "infinite": [1.0] * (EPISODES - 1) + [math.inf],
}


@pytest.mark.parametrize("name", MARKED_ARRAYS)
@pytest.mark.parametrize("values", BAD_WEIGHTS.values(), ids=BAD_WEIGHTS.keys())
def test_arrays_that_make_no_sense_are_refused(
    engine_factory: Subject, name: str, values: list[float]
) -> None:
    if name == "advantages" and min(values) == -0.5:
        pytest.skip("advantages may be negative")
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout()
    payload = update_payload(rollout.rollout, **{name: np.ones(1)})
    data = np.array(values, dtype="<f4").tobytes()
    wrong = msgspec.structs.replace(payload, **{name: data})
    refused(lambda: loaded.engine.update(wrong, quiet), "input")
    assert loaded.update(rollout, np.ones(EPISODES)).episodes == EPISODES


def test_only_the_last_rollout_can_be_updated(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    nothing = update_payload(0, np.ones(EPISODES))
    refused(lambda: loaded.engine.update(nothing, quiet), "protocol", "input")
    first = loaded.rollout(seed=1)
    loaded.rollout(seed=2)
    error = refused(lambda: loaded.update(first, np.ones(EPISODES)), "protocol", "input")
    assert str(first.rollout) in error.message


# ── texts ───────────────────────────────────────────────────────────────────────────────────


def test_texts_are_of_the_episodes_asked_for(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout(prompts=[loaded.train[i] for i in (0, 1, 0, 2)])
    asked = loaded.texts(rollout, [3, 0, 2])
    assert [text.episode for text in asked] == [3, 0, 2]
    all_of_them = loaded.texts(rollout, range(4))
    assert asked == [all_of_them[i] for i in (3, 0, 2)]
    prompts = [text.prompt for text in all_of_them]
    assert prompts[0] == prompts[2]
    assert len({*prompts} - {""}) == 3
    assert len({text.completion for text in all_of_them}) > 1
    assert loaded.texts(rollout, []) == []


def test_texts_are_those_that_were_sampled(engine_factory: Subject, tmp_path: Path) -> None:
    loaded, plain = Loaded(engine_factory), Loaded(engine_factory)
    folder = loaded.save(tmp_path / "checkpoint")
    rollout, other = loaded.rollout(), plain.rollout()
    before = loaded.texts(rollout, range(EPISODES))
    updated = loaded.update(rollout, worse_half(rollout))
    # Neither the weights that came after, nor an evaluation, have a say in them.
    loaded.evaluate(samples=[1, 0])
    assert loaded.texts(rollout, range(EPISODES)) == before
    # Nor does asking for them have a say in anything else.
    assert content(updated) == content(plain.update(other, worse_half(other)))
    assert content(loaded.rollout(seed=2)) == content(plain.rollout(seed=2))
    loaded.restore(folder)
    assert loaded.texts(loaded.rollout(), range(EPISODES)) == before


def test_texts_are_of_the_last_rollout_alone(engine_factory: Subject, tmp_path: Path) -> None:
    loaded = Loaded(engine_factory)
    refused(lambda: loaded.engine.texts(texts_payload(0, [0]), quiet), "protocol")
    first = loaded.rollout(seed=1)
    last = loaded.rollout(seed=2)
    error = refused(lambda: loaded.texts(first, [0]), "protocol")
    assert str(first.rollout) in error.message
    assert "`texts`" in error.message
    error = refused(lambda: loaded.texts(last, [0, EPISODES]), "input")
    assert f"episode {EPISODES}" in error.message
    assert len(loaded.texts(last, [EPISODES - 1])) == 1
    loaded.restore(loaded.save(tmp_path / "checkpoint"))
    refused(lambda: loaded.texts(last, [0]), "protocol")
    again = loaded.rollout()
    loaded.engine.sft(SFT, quiet)
    refused(lambda: loaded.texts(again, [0]), "protocol")
    again = loaded.rollout()
    loaded.engine.load(loaded.payload, quiet)
    refused(lambda: loaded.texts(again, [0]), "protocol")


# ── evaluate ────────────────────────────────────────────────────────────────────────────────


def test_an_evaluation_repeats_and_answers_what_was_asked(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    first = loaded.evaluate()
    assert first == loaded.evaluate()
    assert first["reward"] != loaded.evaluate(seed=4)["reward"]
    for name in ("reward", "kl"):
        assert float32_array(first[name]).shape == (EPISODES,)
    assert uint32_array(first["length"]).shape == (EPISODES,)
    assert first["figures"] == {}
    assert first["samples"] == []
    assert [part["name"] for part in first["components"]] == ["reward"]
    assert first["components"][0]["scores"] == first["reward"]
    assert first["judges"] == []


def test_judges_score_every_episode(engine_factory: Subject) -> None:
    other = {**JUDGE, "name": "other"}
    told = Loaded(engine_factory, judges=[JUDGE, other]).evaluate()
    assert [judge["name"] for judge in told["judges"]] == ["judge", "other"]
    for judge in told["judges"]:
        assert np.isfinite(float32_array(judge["scores"])).all()
        assert judge["failures"] == []
    assert told["judges"][0]["scores"] != told["reward"]


def test_several_completions_are_evaluated_grouped_by_prompt(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    told = loaded.evaluate(prompts=loaded.test[:3], completions=4, samples=range(12))
    assert float32_array(told["reward"]).shape == (12,)
    prompts = [sample["prompt"] for sample in told["samples"]]
    assert prompts == np.repeat(loaded.test[:3], 4).tolist()
    assert len(set(float32_array(told["reward"]).tolist())) > 3


def test_figures_and_samples_come_on_request(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    full = loaded.evaluate(figures=["perplexity", "dist_1", "dist_2", "dist_3"], samples=[6, 0])
    assert full["figures"]["perplexity"] > 1
    assert all(0 <= full["figures"][f"dist_{n}"] <= 1 for n in (1, 2, 3))
    rewards = float32_array(full["reward"])
    assert [sample["episode"] for sample in full["samples"]] == [6, 0]
    for sample in full["samples"]:
        assert sample["prompt"] == loaded.test[sample["episode"]]
        assert sample["text"] != ""
        assert sample["reward"] == pytest.approx(rewards[sample["episode"]], rel=1e-5)
    refused(lambda: loaded.evaluate(samples=[EPISODES]), "input")


def test_the_train_split_can_be_evaluated(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    changes = {"split": "train", "prompts": loaded.train[:3]}
    assert float32_array(loaded.evaluate(**changes)["reward"]).shape == (3,)
    refused(lambda: loaded.evaluate(prompts=[4_000_000_000]), "input", "protocol")


def test_an_evaluation_changes_nothing(engine_factory: Subject) -> None:
    watched, plain = Loaded(engine_factory), Loaded(engine_factory)
    watched.learn()
    plain.learn()
    rollout = watched.rollout(seed=5)
    watched.evaluate(figures=["perplexity"], samples=[0, 1])
    watched_update = watched.update(rollout, worse_half(rollout))
    other = plain.rollout(seed=5)
    plain_update = plain.update(other, worse_half(other))
    assert content(watched_update) == content(plain_update)
    assert content(watched.rollout(seed=6)) == content(plain.rollout(seed=6))


def measures(subject: Subject) -> dict[str, Any]:
    """Of `load`'s evaluation; the fixed language model is what the policy was."""
    return {
        "toxicity": {**JUDGE, "name": "harm", "scorer": {**JUDGE["scorer"], "sign": -1}},
        "fluency": {
            "model": subject.load.policy.model,
            "revision": None,
            "trust_remote_code": False,
        },
        "tasks": [],
    }


def toxicity_of(loaded: Loaded, **changes: Any) -> dict[str, Any]:
    prompts = changes.pop("prompts", loaded.test[:EPISODES])
    payload = toxicity_payload(prompts, **changes)
    return content(loaded.engine.toxicity(payload, quiet))


def test_toxicity_scores_every_completion_and_every_prompt(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory, evaluation=measures(engine_factory))
    assert sorted(loaded.result.digests.evaluation) == ["fluency", "toxicity"]
    names = [f"dist_{n}_per_prompt" for n in (1, 2, 3)] + ["fluency", "fluency_left_out"]
    found = toxicity_of(loaded, completions=5, figures=names)
    assert found["completions"]["name"] == found["prompts"]["name"] == "harm"
    scores = float32_array(found["completions"]["scores"])
    assert scores.shape == (5 * EPISODES,)
    assert len(set(scores.tolist())) > EPISODES
    assert float32_array(found["prompts"]["scores"]).shape == (EPISODES,)
    assert sorted(found["figures"]) == sorted(names)
    assert found["figures"]["fluency"] >= 1
    assert 0 < found["figures"]["dist_3_per_prompt"] <= 1
    assert toxicity_of(loaded, completions=5, figures=names) == found
    assert toxicity_of(loaded, completions=5)["figures"] == {}


def test_toxicity_needs_a_scorer_and_settings_in_range(engine_factory: Subject) -> None:
    refused(lambda: toxicity_of(Loaded(engine_factory)), "protocol")
    loaded = Loaded(engine_factory, evaluation=measures(engine_factory))
    error = refused(lambda: toxicity_of(loaded, top_p=0.0), "input")
    assert error.key == "evaluation.toxicity.top_p"
    error = refused(lambda: toxicity_of(loaded, temperature=0.0), "input")
    assert error.key == "evaluation.toxicity.temperature"
    refused(lambda: toxicity_of(loaded, prompts=[4_000_000_000]), "input", "protocol")
    refused(lambda: toxicity_of(loaded, weights="ema"), "input")


def test_measures_change_nothing(engine_factory: Subject) -> None:
    watched, plain = (
        Loaded(engine_factory, evaluation=measures(engine_factory)),
        Loaded(engine_factory),
    )
    rollout, other = watched.rollout(seed=5), plain.rollout(seed=5)
    toxicity_of(watched, figures=["fluency"])
    told = watched.evaluate(figures=["fluency", "self_bleu", "repetition_rate", "dist_1"])
    assert sorted(told["figures"]) == ["dist_1", "fluency", "repetition_rate", "self_bleu"]
    assert plain.evaluate()["reward"] == told["reward"]
    assert "fluency" not in plain.evaluate(figures=["fluency"])["figures"]
    watched_update = watched.update(rollout, worse_half(rollout))
    assert content(watched_update) == content(plain.update(other, worse_half(other)))


def test_capability_needs_tasks(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    payload = CapabilityPayload(limit=4, weights="current")
    refused(lambda: loaded.engine.capability(payload, quiet), "protocol")


def test_the_ema_weights_trail_behind(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory, training__ema_decay=0.9)
    assert loaded.evaluate(weights="ema") == loaded.evaluate()
    for seed in range(3):
        loaded.learn(seed)
    ema, current = loaded.evaluate(weights="ema"), loaded.evaluate()
    assert ema["kl"] != current["kl"]
    assert loaded.evaluate() == current


def test_there_are_no_ema_weights_without_a_decay(engine_factory: Subject, tmp_path: Path) -> None:
    loaded = Loaded(engine_factory, training__ema_decay=0)
    error = refused(lambda: loaded.evaluate(weights="ema"), "input")
    assert error.key == "training.ema_decay"
    payload = ExportPayload(path=str(tmp_path), weights="ema")
    refused(lambda: loaded.engine.export(payload, quiet), "input")


# ── sft ─────────────────────────────────────────────────────────────────────────────────────

SFT = sft_payload(seed=1, steps=12, batch=8, learning_rate=1e-3, max_tokens=16)


def test_sft_lowers_the_loss_and_becomes_the_reference(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    before = loaded.evaluate()
    result = loaded.engine.sft(SFT, quiet)
    assert result.steps == SFT.steps
    assert result.texts > 0
    assert result.loss_last < result.loss_first
    assert loaded.evaluate()["reward"] != before["reward"]
    assert np.abs(float32_array(loaded.rollout().kl)).max() < 1e-3


def test_sft_repeats(engine_factory: Subject) -> None:
    one, other = Loaded(engine_factory), Loaded(engine_factory)
    assert content(one.engine.sft(SFT, quiet)) == content(other.engine.sft(SFT, quiet))
    assert one.evaluate() == other.evaluate()


def test_a_reference_that_was_named_stays(engine_factory: Subject) -> None:
    policy = engine_factory.load.policy
    named = {"model": policy.model, "revision": None, "trust_remote_code": False}
    loaded = Loaded(engine_factory, reference=named)
    loaded.engine.sft(SFT, quiet)
    assert np.abs(float32_array(loaded.rollout().kl)).max() > 1e-3


# ── save, restore, export ───────────────────────────────────────────────────────────────────


def test_a_restored_run_goes_on_bit_for_bit(engine_factory: Subject, tmp_path: Path) -> None:
    changes = {"training__ema_decay": 0.9}
    original = Loaded(engine_factory, **changes)
    original.engine.sft(SFT, quiet)
    for seed in (1, 2):
        original.learn(seed)
    folder = original.save(tmp_path / "checkpoint")

    def go_on(loaded: Loaded) -> list[dict[str, Any]]:
        results = []
        for seed in (3, 4):
            rollout = loaded.rollout(seed)
            results.append(content(rollout))
            results.append(content(loaded.update(rollout, worse_half(rollout), seed)))
        return [*results, loaded.evaluate(), loaded.evaluate(weights="ema")]

    expected = go_on(original)
    fresh = Loaded(engine_factory, **changes)
    fresh.restore(folder)
    assert go_on(fresh) == expected
    original.restore(folder)
    assert go_on(original) == expected


def test_a_model_that_was_just_fine_tuned_is_taken_up(
    engine_factory: Subject, tmp_path: Path
) -> None:
    original, fresh = Loaded(engine_factory), Loaded(engine_factory)
    original.engine.sft(SFT, quiet)
    folder = original.save(tmp_path / "checkpoint")
    assert fresh.evaluate() != original.evaluate()
    fresh.restore(folder)
    results = []
    for name, loaded in (("one", original), ("other", fresh)):
        (tmp_path / name).mkdir()
        export = ExportPayload(path=str(tmp_path / name), weights="current")
        results.append((loaded.evaluate(), loaded.engine.export(export, quiet).files))
    assert results[0] == results[1]


def test_every_file_of_a_checkpoint_is_missed_by_name(
    engine_factory: Subject, tmp_path: Path
) -> None:
    loaded = Loaded(engine_factory, training__ema_decay=0.5)
    loaded.engine.sft(SFT, quiet)
    loaded.learn()
    for path in sorted(loaded.save(tmp_path / "checkpoint").iterdir()):
        whole = path.read_bytes()
        for content in (None, b"", whole[:-9], b"[1]"):
            path.unlink() if content is None else path.write_bytes(content)
            error = refused(lambda: loaded.restore(tmp_path / "checkpoint"), "input")
            assert path.name in error.message
            path.write_bytes(whole)
    loaded.restore(tmp_path / "checkpoint")


def test_a_checkpoint_lists_its_files(engine_factory: Subject, tmp_path: Path) -> None:
    loaded = Loaded(engine_factory)
    loaded.learn()
    saved = loaded.engine.save(SavePayload(path=str(tmp_path)), quiet)
    files = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.*")}
    assert saved.files == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()
    }
    assert saved.bytes == sum(path.stat().st_size for path in files.values()) > 0


def test_whoever_the_umask_lets_read_can_read_every_file(
    engine_factory: Subject, tmp_path: Path
) -> None:
    loaded = Loaded(engine_factory)
    loaded.learn()
    before = os.umask(0o027)
    try:
        folder = loaded.save(tmp_path / "checkpoint")
        model = tmp_path / "model"
        model.mkdir()
        loaded.engine.export(ExportPayload(path=str(model), weights="current"), quiet)
    finally:
        os.umask(before)
    modes = {
        path.name: path.stat().st_mode & 0o777 for at in (folder, model) for path in at.iterdir()
    }
    assert "model.safetensors" in modes
    assert modes == dict.fromkeys(modes, 0o640)


def test_saving_changes_nothing(engine_factory: Subject, tmp_path: Path) -> None:
    saved, plain = Loaded(engine_factory), Loaded(engine_factory)
    for loaded in (saved, plain):
        loaded.learn()
    rollout, other = saved.rollout(), plain.rollout()
    saved.save(tmp_path / "checkpoint")
    updates = saved.update(rollout, [1.0] * EPISODES), plain.update(other, [1.0] * EPISODES)
    assert content(updates[0]) == content(updates[1])


def test_a_restore_ends_the_rollout_in_hand(engine_factory: Subject, tmp_path: Path) -> None:
    loaded = Loaded(engine_factory)
    folder = loaded.save(tmp_path / "checkpoint")
    rollout = loaded.rollout()
    loaded.restore(folder)
    refused(lambda: loaded.update(rollout, np.ones(EPISODES)), "protocol", "input")


def test_what_is_no_checkpoint_is_refused(engine_factory: Subject, tmp_path: Path) -> None:
    loaded = Loaded(engine_factory)
    before = content(loaded.rollout())
    refused(lambda: loaded.restore(tmp_path / "nowhere"), "input")
    refused(lambda: loaded.restore(tmp_path), "input")
    damaged = loaded.save(tmp_path / "damaged")
    largest = max(damaged.rglob("*.*"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-7])
    refused(lambda: loaded.restore(damaged), "input")
    after = content(loaded.rollout())
    assert {**after, "rollout": 0} == {**before, "rollout": 0}


def test_nothing_is_written_over(engine_factory: Subject, tmp_path: Path) -> None:
    loaded = Loaded(engine_factory)
    (tmp_path / "precious.txt").write_text("keep me")
    refused(lambda: loaded.engine.save(SavePayload(path=str(tmp_path)), quiet), "input")
    export = ExportPayload(path=str(tmp_path), weights="current")
    refused(lambda: loaded.engine.export(export, quiet), "input")
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


@pytest.mark.parametrize("weights", ["current", "ema"])
def test_an_exported_policy_can_be_loaded(
    engine_factory: Subject, tmp_path: Path, weights: Any
) -> None:
    loaded = Loaded(engine_factory, training__ema_decay=0.5)
    for seed in range(2):
        loaded.learn(seed)
    exported = loaded.engine.export(ExportPayload(path=str(tmp_path), weights=weights), quiet)
    assert "config.json" in exported.files
    assert exported.bytes > 0
    assert exported.files == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in exported.files
    }
    again = Loaded(engine_factory, policy__model=str(tmp_path))
    assert again.evaluate()["reward"] == loaded.evaluate(weights=weights)["reward"]


# ── progress and interrupts ─────────────────────────────────────────────────────────────────


def commands(loaded: Loaded, folder: Path) -> dict[str, Callable[[Any], Any]]:
    """Each command, ready but for its report, in an order in which all of them work."""
    engine, rollout = loaded.engine, loaded.rollout()
    update = update_payload(rollout.rollout, **everybody_in(loaded))
    evaluate = evaluate_payload(loaded.test[:EPISODES], figures=["perplexity", "fluency"])
    toxicity = toxicity_payload(loaded.test[:EPISODES])
    (folder / "save").mkdir()
    (folder / "export").mkdir()
    export = ExportPayload(path=str(folder / "export"), weights="current")
    score = score_payload(loaded.train)
    return {
        "devices": lambda report: engine.devices(Empty(), report),
        "score_prompts": lambda report: engine.score_prompts(score, report),
        "evaluate": lambda report: engine.evaluate(evaluate, report),
        "toxicity": lambda report: engine.toxicity(toxicity, report),
        "update": lambda report: engine.update(update, report),
        "texts": lambda report: engine.texts(texts_payload(rollout.rollout, [1, 0]), report),
        "rollout": lambda report: engine.rollout(rollout_payload(loaded.train[:4]), report),
        "sft": lambda report: engine.sft(SFT, report),
        "save": lambda report: engine.save(SavePayload(path=str(folder / "save")), report),
        "restore": lambda report: engine.restore(RestorePayload(path=str(folder / "save")), report),
        "export": lambda report: engine.export(export, report),
        "load": lambda report: engine.load(loaded.payload, report),
    }


def test_every_command_reports_from_start_to_end(engine_factory: Subject, tmp_path: Path) -> None:
    loaded = Loaded(engine_factory, evaluation=measures(engine_factory))
    for name, command in commands(loaded, tmp_path).items():
        progress = Progress()
        command(progress)
        assert progress.calls, name
        for phase, done, total, unit in progress.calls:
            assert phase, name
            assert unit, name
            assert 0 <= done <= total or total == 0, name
        phases = [phase for phase, _ in itertools.groupby(progress.calls, lambda call: call[0])]
        assert len(phases) < 12, f"{name} flickers between phases: {phases}"


@pytest.mark.parametrize("call", [1, 2])
def test_an_interrupt_passes_through_every_command(
    engine_factory: Subject, tmp_path: Path, call: int
) -> None:
    loaded = Loaded(engine_factory, evaluation=measures(engine_factory))
    ready = commands(loaded, tmp_path)
    loaded.engine.save(SavePayload(path=str(tmp_path / "save")), quiet)
    ready["save"] = lambda report: loaded.engine.save(
        SavePayload(path=str(tmp_path / "export")), report
    )
    for name, command in ready.items():
        if name == "export":
            continue  # its folder may hold what the interrupted save wrote
        with pytest.raises(Interrupted):
            command(Progress(interrupt_at=call))


def test_an_interrupted_rollout_or_evaluation_leaves_no_trace(engine_factory: Subject) -> None:
    loaded = Loaded(engine_factory)
    loaded.learn()
    before, evaluation = content(loaded.rollout(seed=3)), loaded.evaluate()
    payload = rollout_payload(loaded.train[:EPISODES], seed=9)
    with pytest.raises(Interrupted):
        loaded.engine.rollout(payload, Progress(interrupt_at=2))
    with pytest.raises(Interrupted):
        loaded.engine.evaluate(evaluate_payload(loaded.test[:4]), Progress(interrupt_at=2))
    after = content(loaded.rollout(seed=3))
    assert {**after, "rollout": 0} == {**before, "rollout": 0}
    assert loaded.evaluate() == evaluation


def test_weights_on_the_wire_are_float32(engine_factory: Subject) -> None:
    """Weights such as 1/3 arrive rounded; the engine must not depend on their exact sum."""
    loaded = Loaded(engine_factory)
    rollout = loaded.rollout()
    weights = np.full(EPISODES, 1 / 3)
    assert float32_array(float32_bytes(weights)).sum() != weights.sum()
    assert loaded.update(rollout, weights).episodes == EPISODES
