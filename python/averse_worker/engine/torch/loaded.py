"""Everything one `load` brings into memory, and the training state built on it."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from averse_worker.data.builtin import Split
from averse_worker.data.examples import contents
from averse_worker.data.sources import Data, read_data
from averse_worker.data.templates import open_template, template_digest
from averse_worker.data.text import Text, completion_of
from averse_worker.data.tokenise import (
    Prompts,
    require_room,
    tokenise_prompts,
    with_conditions,
)
from averse_worker.engine.contract import Report
from averse_worker.engine.torch.kept import Kept, data_key, model_key, prompts_key
from averse_worker.engine.torch.learner import Learner
from averse_worker.evaluation.capability import check_tasks
from averse_worker.evaluation.fluency import FluencyModel, load_fluency
from averse_worker.models.batches import PaddedPrompts
from averse_worker.models.declared import check_folder
from averse_worker.models.folder import ModelFolder, find_language_model
from averse_worker.models.load import check_quantization, load_policy
from averse_worker.models.policy import Policy
from averse_worker.models.settings import language_model_settings
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device, open_device
from averse_worker.platform.files import code_digest
from averse_worker.platform.ranks import Ranks
from averse_worker.rewards.combine import Component, Moments, Rewards
from averse_worker.rewards.load import (
    LoadedScorer,
    ScorerPlace,
    check_scorer,
    find_scorer,
    load_model,
    load_scorer,
)
from averse_worker.rewards.transform import RewardTransform
from averse_worker.rollout.collect import Episodes
from averse_worker.rollout.generate import Sampler
from averse_worker.training.ema import EmaWeights
from averse_worker.wire.limits import component_key
from averse_worker.wire.messages.base import Digests
from averse_worker.wire.messages.load import (
    HttpScorer,
    LoadDigests,
    LoadPayload,
    LoadScorer,
    PythonScorer,
)

_EXPERTS: Final = ("expert", "anti_expert")


@dataclass(frozen=True)
class Folders:
    """Where the models came from."""

    policy: ModelFolder
    reference: ModelFolder | None
    rewards: Mapping[str, ScorerPlace]
    """by component"""
    judges: Mapping[str, ScorerPlace]
    toxicity: ScorerPlace | None
    """None: `load` does not name it; likewise below"""
    fluency: ModelFolder | None
    experts: tuple[ModelFolder, ModelFolder] | None
    """expert and anti-expert"""

    def all(self) -> list[ModelFolder]:
        """Each of them."""
        named = (self.policy, self.reference, self.fluency, *(self.experts or ()))
        places = [*self.rewards.values(), *self.judges.values(), self.toxicity]
        scorers = [place.folder for place in places if place is not None]
        return [folder for folder in (*named, *scorers) if folder is not None]


@dataclass(frozen=True)
class Scorers:
    """What scores texts."""

    rewards: Mapping[str, LoadedScorer]
    """by component"""
    judges: Mapping[str, LoadedScorer]
    toxicity: LoadedScorer | None
    fluency: FluencyModel | None


@dataclass(frozen=True)
class PromptSet:
    """Prompts of a split, and the reward components' scores of each prompt alone."""

    prompts: Prompts
    scores: NDArray[np.float32]
    """[C, prompts], raw; NaN: not scored"""


@dataclass(frozen=True)
class EpisodeTexts:
    """Of a rollout, one entry per episode."""

    prompts: Sequence[Text]
    wholes: Sequence[Text]
    """prompt and completion in one"""

    def text_of(self, episode: int) -> tuple[str, str]:
        """Prompt and completion."""
        prompt = self.prompts[episode].written
        return prompt, completion_of(prompt, self.wholes[episode])


class Training:
    """A policy and what trains it."""

    def __init__(self, loaded: "Loaded", policy: Policy) -> None:
        self.policy = policy
        self.learner = loaded.make_learner(loaded, policy)
        decay = loaded.payload.training.ema_decay
        self.ema = EmaWeights(policy, decay) if decay else None
        self.rollouts = 0
        self.updates = 0
        self.episodes: Episodes | None = None
        self.rows: NDArray[np.intp] = np.zeros(0, np.intp)
        """of their prompts, in the train set"""
        self.texts: EpisodeTexts | None = None
        self.moments: Moments = {}

    @property
    def untrained(self) -> bool:
        """Whether the policy's weights are still the reference's own."""
        return self.updates == 0 and self.policy.starts_as_reference

    def fine_tuned(self) -> None:
        """The policy has been fine-tuned: it is its own reference, and begins anew from there."""
        self.policy.become_reference()
        self.weights_replaced()

    def weights_replaced(self) -> None:
        """Resets optimizer and EMA, after something other than an update changed the weights."""
        self.learner.reset()
        if self.ema is not None:
            self.ema.reset()
        self.end_rollout()

    def end_rollout(self) -> None:
        """Drops the last rollout: its episodes are no longer those of the weights."""
        self.episodes = None
        self.texts = None


class Loaded:
    """Models, data and settings of one `load`, and the training that they serve."""

    def __init__(
        self,
        payload: LoadPayload,
        device: Device,
        folders: Folders,
        settings: Mapping[str, Mapping[str, str]],
        data: Data,
        prompts: dict[Split, PromptSet],
        rewards: Rewards,
        scorers: Scorers,
        policy: Policy,
        template: str | None,
        ranks: Ranks,
        make_learner: "MakeLearner",
    ) -> None:
        self.payload = payload
        self.ranks = ranks
        self.device = device
        self.folders = folders
        self.settings = settings
        """by a model's config key: the settings in its files, and what is done with them"""
        self.data = data
        self.prompts = prompts
        self.rewards = rewards
        self.judges = {name: found.scorer for name, found in scorers.judges.items()}
        self.toxicity = None if scorers.toxicity is None else scorers.toxicity.scorer
        self.fluency = scorers.fluency
        self._scorers = scorers
        self.template = template
        """whose chat template wrote the prompts; None: none did"""
        self.make_learner = make_learner
        self.training = Training(self, policy)

    @property
    def sampler(self) -> Sampler:
        """How responses are drawn."""
        rollout = self.payload.rollout
        return Sampler(
            rollout.new_tokens,
            rollout.min_new_tokens,
            rollout.top_k,
            rollout.top_p,
            rollout.minibatch,
        )

    @property
    def candidates(self) -> int:
        """Completions drawn for each that is evaluated."""
        decoding = self.payload.decoding
        return 1 if decoding is None else decoding.best_of

    @property
    def samples_as_reference(self) -> bool:
        """Whether completions under no condition are of the reference's own distribution."""
        return self.training.untrained and self.training.policy.steered is None

    @property
    def context(self) -> int:
        """Positions of the policy, in tokens."""
        return context_of(self.training.policy.actor.causal)

    def under(self, episodes: Episodes, conditions: NDArray[np.intp]) -> Episodes:
        """The last rollout's episodes, each after its prompt under a condition of its own."""
        prompts, policy = self.prompts["train"].prompts, self.training.policy
        rows = self.training.rows
        after = [prompts.under(c)[row] for c, row in zip(conditions.tolist(), rows, strict=True)]
        return episodes.under(PaddedPrompts.of(after, policy.pad_token, policy.device.torch_device))

    def start_over(self) -> None:
        """The training state as it was right after loading, the policy read from disk again."""
        # Freed first: two sets of models may not fit into memory.
        self.training.learner.close()
        del self.training
        gc.collect()
        folders = self.folders
        policy = load_policy(
            self.payload,
            folders.policy,
            folders.reference,
            self.device,
            folders.experts,
            self.ranks,
        )
        tokenizers = (policy.tokenizer, policy.tokenizer_as_loaded)
        open_template(tokenizers, self.payload.data.source.template, ())
        self.training = Training(self, policy)

    def digests(self) -> LoadDigests:
        """sha256 of every file that was read."""
        folders, scorers = self.folders, self._scorers
        evaluation: dict[str, Digests] = {}
        if scorers.toxicity is not None:
            evaluation["toxicity"] = dict(scorers.toxicity.digests)
        if folders.fluency is not None:
            evaluation["fluency"] = folders.fluency.digests()
        return LoadDigests(
            policy=folders.policy.digests(),
            reference=(folders.reference or folders.policy).digests(),
            rewards={name: dict(found.digests) for name, found in scorers.rewards.items()},
            judges={name: dict(found.digests) for name, found in scorers.judges.items()},
            evaluation=evaluation,
            decoding={
                name: folder.digests()
                for name, folder in zip(_EXPERTS, folders.experts or (), strict=False)
            },
            data=self.data.digests,
        )

    def sft_digest(self, files: LoadDigests, machine: Mapping[str, str]) -> str:
        """sha256 of all that `sft` follows from, but for its own payload.

        What a checkpoint after it holds follows from it as well: the seed is that of the value
        head, which fine-tuning leaves alone.

        Args:
            machine: versions, device and threads.
        """
        payload = self.payload
        state = (
            payload.seed,
            payload.policy.adapter,
            payload.reference is None,
            payload.training.critic,
            payload.training.ema_decay > 0,
            payload.policy.quantize,
            (payload.backend.dtype, payload.backend.frozen_dtype, payload.backend.deterministic),
            (files.policy, files.reference),
            (contents(self.data.good["train"]), contents(self.data.good["test"])),
            [*template_digest(payload.data.source.template, "data").values()],
            machine,
            code_digest(),
        )
        return sha256(msgspec.json.encode(state)).hexdigest()

    def scores_digest(
        self, split: Split, files: LoadDigests, machine: Mapping[str, str]
    ) -> str | None:
        """sha256 of all that the prompts' scores follow from; None: that cannot be told, of a
        server or of a function, which may read what it likes.

        Args:
            machine: versions, device and threads.
        """
        if any(isinstance(one.scorer, HttpScorer | PythonScorer) for one in self.payload.rewards):
            return None
        scorers = [
            (reward.name, reward.scorer, files.rewards[reward.name])
            for reward in self.payload.rewards
        ]
        settings = self.payload.backend
        backend = (settings.dtype, settings.frozen_dtype, settings.deterministic)
        prompts = self.prompts[split].prompts
        texts = [
            (str(text), text.written, prompts.messages_of(at), prompts.tools_of(at))
            for at, text in enumerate(prompts.texts)
        ]
        return sha256(msgspec.json.encode((scorers, backend, machine, texts))).hexdigest()


MakeLearner = Callable[[Loaded, Policy], Learner]
"""What rolls out and updates a policy of a load."""


def load_all(
    payload: LoadPayload, report: Report, kept: Kept, ranks: Ranks, make_learner: MakeLearner
) -> Loaded:
    """Reads data and models.

    Args:
        kept: frozen parts of the load before, and now of this one.
        ranks: the processes that load the same and compute together.

    Raises:
        InputError: a config value, a model folder or a data file is wrong.
        MissingEnvironment: the device or the hub cannot be reached.
    """
    # The unit of each is what is loaded next.
    total = 5
    report("load", 0, total, "data")
    # What is divided to save memory is not to be kept once it is freed.
    device = open_device(payload.backend, keep_memory=not ranks.sharded)
    check_quantization(payload, device, ranks)
    folders = _find(payload, report)
    _check_files(payload, folders)
    source = payload.data.source
    models = _model_keys(payload, folders)
    kept.free_models(models.values())
    of_data = data_key(source)
    data = kept.part(of_data, lambda: read_data(source))
    report("load", 1, total, "policy")
    policy = load_policy(payload, folders.policy, folders.reference, device, folders.experts, ranks)
    report("load", 2, total, "prompts")
    chat = open_template(
        (policy.tokenizer, policy.tokenizer_as_loaded),
        source.template,
        [*data.rows["train"], *data.rows["test"]],
    )

    def tokenised_prompts() -> dict[Split, Prompts]:
        return {
            split: tokenise_prompts(
                rows,
                policy.tokenizer,
                policy.end_tokens,
                payload.data.prompt_tokens,
                chat,
                source.truncate,
                columns=data.columns,
            )
            for split, rows in data.rows.items()
        }

    of_prompts = prompts_key(
        of_data, policy.tokenizer, policy.end_tokens, payload.data.prompt_tokens
    )
    tokenised = (
        tokenised_prompts() if of_prompts is None else kept.part(of_prompts, tokenised_prompts)
    )
    if payload.conditions:
        tokenised = {
            split: with_conditions(
                part,
                payload.conditions,
                policy.tokenizer,
                payload.data.prompt_tokens,
                chat,
                source.truncate,
            )
            for split, part in tokenised.items()
        }
        for part in tokenised.values():
            require_room(part, payload.rollout.new_tokens, context_of(policy.actor.causal))
    report("load", 3, total, "reward")
    settings: dict[str, Mapping[str, str]] = {
        folders.policy.key: language_model_settings(
            folders.policy,
            policy.tokenizer_as_loaded,
            policy.end_tokens,
            None if chat is None else chat.name,
            source.truncate,
        )
    }

    def scorer(place: ScorerPlace, named: LoadScorer) -> LoadedScorer:
        tokenizer, longest = policy.tokenizer_as_loaded, payload.rollout.new_tokens
        key = models.get(place.key)
        # What a model draws while it is built must not depend on whether it is kept.
        with torch.random.fork_rng(devices=[]):
            ready = (
                None
                if key is None
                else kept.part(key, lambda: load_model(named, place, device, tokenizer))
            )
            found = load_scorer(named, place, device, tokenizer, longest, ready)
        if place.folder is not None:
            settings[place.folder.key] = found.settings
        return found

    components = {
        reward.name: scorer(folders.rewards[reward.name], reward.scorer)
        for reward in payload.rewards
    }
    rewards = Rewards(
        [
            Component(
                reward.name,
                reward.weight,
                components[reward.name].scorer,
                RewardTransform(reward),
            )
            for reward in payload.rewards
        ]
    )
    report("load", 4, total, "judge")
    asked, toxicity, fluency = payload.evaluation, folders.toxicity, folders.fluency
    scorers = Scorers(
        components,
        {judge.name: scorer(folders.judges[judge.name], judge.scorer) for judge in payload.judges},
        scorer(toxicity, asked.toxicity.scorer) if toxicity and asked.toxicity else None,
        kept.part(models[fluency.key], lambda: _loaded_fluency(fluency, device))
        if fluency
        else None,
    )
    report("load", 5, total, "judge")
    unscored = {
        split: PromptSet(part, np.full((len(payload.rewards), part.ids.size), np.nan, np.float32))
        for split, part in tokenised.items()
    }
    return Loaded(
        payload,
        device,
        folders,
        settings,
        data,
        unscored,
        rewards,
        scorers,
        policy,
        None if chat is None else chat.name,
        ranks,
        make_learner,
    )


def _loaded_fluency(folder: ModelFolder, device: Device) -> FluencyModel:
    with torch.random.fork_rng(devices=[]):
        return load_fluency(folder, device)


def _model_keys(payload: LoadPayload, folders: Folders) -> dict[str, str]:
    """By the config key of a frozen model, what it may be kept under."""
    asked = payload.evaluation
    named: list[tuple[LoadScorer | None, ScorerPlace | None]] = [
        *((reward.scorer, folders.rewards[reward.name]) for reward in payload.rewards),
        *((judge.scorer, folders.judges[judge.name]) for judge in payload.judges),
        (asked.toxicity.scorer if asked.toxicity else None, folders.toxicity),
    ]
    keys = {
        place.key: model_key(scorer, place.folder, payload.backend)
        for scorer, place in named
        if place is not None and place.folder is not None
    }
    if folders.fluency is not None:
        keys[folders.fluency.key] = model_key(None, folders.fluency, payload.backend)
    return keys


def _check_files(payload: LoadPayload, folders: Folders) -> None:
    """Checks the files of every model before any weights are read."""
    check_folder(folders.policy)
    if folders.reference is not None:
        check_folder(folders.reference)
    for reward in payload.rewards:
        check_scorer(reward.scorer, folders.rewards[reward.name])
    for judge in payload.judges:
        check_scorer(judge.scorer, folders.judges[judge.name])
    asked = payload.evaluation
    if asked.toxicity is not None and folders.toxicity is not None:
        check_scorer(asked.toxicity.scorer, folders.toxicity)
    for folder in (folders.fluency, *(folders.experts or ())):
        if folder is not None:
            check_folder(folder)
    check_tasks(asked.tasks)


def _find(payload: LoadPayload, report: Report) -> Folders:
    asked = payload.evaluation
    toxicity = fluency = None
    if asked.toxicity is not None:
        key = "evaluation.toxicity.scorer"
        # A judge is called as in `judges`; a component of the same name comes after it.
        judged = any(judge.name == asked.toxicity.name for judge in payload.judges)
        builtin = "judge" if judged else "reward"
        toxicity = find_scorer(asked.toxicity.scorer, builtin, key, report)
    if asked.fluency is not None:
        fluency = find_language_model(asked.fluency, "evaluation.fluency.model", report)
    experts = None
    if payload.decoding is not None and (steering := payload.decoding.experts) is not None:
        experts = (
            find_language_model(steering.expert, "decoding.expert", report),
            find_language_model(steering.anti_expert, "decoding.anti_expert", report),
        )
    reference = payload.reference
    return Folders(
        find_language_model(payload.policy, "policy.model", report),
        None if reference is None else find_language_model(reference, "reference", report),
        {
            reward.name: find_scorer(reward.scorer, "reward", component_key(payload, place), report)
            for place, reward in enumerate(payload.rewards)
        },
        {
            judge.name: find_scorer(judge.scorer, "judge", f"evaluation.judges.{place}", report)
            for place, judge in enumerate(payload.judges)
        },
        toxicity,
        fluency,
        experts,
    )
