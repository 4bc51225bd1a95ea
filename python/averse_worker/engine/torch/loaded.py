"""Everything one `load` brings into memory, and the training state built on it."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec
import numpy as np
from numpy.typing import NDArray

from averse_worker.data.builtin import Split
from averse_worker.data.sources import Data, read_data
from averse_worker.data.templates import open_template
from averse_worker.data.text import Text, completion_of
from averse_worker.data.tokenise import Prompts, tokenise_prompts
from averse_worker.engine.contract import Report
from averse_worker.evaluation.capability import check_tasks
from averse_worker.evaluation.fluency import FluencyModel, load_fluency
from averse_worker.models.declared import check_folder
from averse_worker.models.folder import ModelFolder, builtin_model, find_model, refuse_revision
from averse_worker.models.load import check_quantization, load_policy
from averse_worker.models.policy import Policy
from averse_worker.models.settings import language_model_settings
from averse_worker.platform.device import Device, open_device
from averse_worker.platform.files import code_digest
from averse_worker.rewards.classifier import (
    TransformersReward,
    check_reward,
    load_reward,
    settings_of,
)
from averse_worker.rewards.combine import Component, Rewards
from averse_worker.rewards.scoring import Scorer
from averse_worker.rewards.transform import RewardTransform
from averse_worker.rollout.collect import Collector, Episodes
from averse_worker.rollout.generate import Sampler
from averse_worker.training.ema import EmaWeights
from averse_worker.training.ppo import Ppo
from averse_worker.wire.errors import InputError
from averse_worker.wire.limits import judge_key, reward_key
from averse_worker.wire.messages.load import (
    BuiltinScorer,
    ClassifierScorer,
    LoadDigests,
    LoadPayload,
    LoadPolicy,
    LoadReference,
    LoadScorer,
)


@dataclass(frozen=True)
class Folders:
    """Where the models came from."""

    policy: ModelFolder
    reference: ModelFolder | None
    rewards: Mapping[str, ModelFolder]
    """by component"""
    judges: Mapping[str, ModelFolder]
    evaluation: Mapping[str, ModelFolder]
    """toxicity and fluency, where `load` names them"""

    def all(self) -> list[ModelFolder]:
        """Each of them."""
        reference = [self.reference] if self.reference is not None else []
        scorers = [*self.rewards.values(), *self.judges.values(), *self.evaluation.values()]
        return [self.policy, *reference, *scorers]


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
        settings = loaded.payload
        self.policy = policy
        self.collector = Collector(policy, loaded.sampler, loaded.rewards, settings.training)
        self.ppo = Ppo(policy, settings.training, settings.rollout.min_new_tokens)
        decay = settings.training.ema_decay
        self.ema = EmaWeights(policy, decay) if decay else None
        self.rollouts = 0
        self.updates = 0
        self.episodes: Episodes | None = None
        self.texts: EpisodeTexts | None = None

    @property
    def untrained(self) -> bool:
        """Whether the policy's weights are still the reference's own."""
        return self.updates == 0 and self.policy.starts_as_reference

    def weights_replaced(self) -> None:
        """Resets optimizer and EMA, after something other than an update changed the weights."""
        self.ppo.reset()
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
        judges: Mapping[str, Scorer],
        toxicity: Scorer | None,
        fluency: FluencyModel | None,
        policy: Policy,
        template: str | None,
    ) -> None:
        self.payload = payload
        self.device = device
        self.folders = folders
        self.settings = settings
        """by a model's config key: the settings in its files, and what is done with them"""
        self.data = data
        self.prompts = prompts
        self.rewards = rewards
        self.judges = judges
        self.toxicity = toxicity
        self.fluency = fluency
        self.template = template
        """whose chat template wrote the prompts; None: none did"""
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

    def start_over(self) -> None:
        """The training state as it was right after loading, the policy read from disk again."""
        # Freed first: two sets of models may not fit into memory.
        del self.training
        gc.collect()
        policy = load_policy(self.payload, self.folders.policy, self.folders.reference, self.device)
        tokenizers = (policy.tokenizer, policy.tokenizer_as_loaded)
        open_template(tokenizers, self.payload.data.source.template, ())
        self.training = Training(self, policy)

    def digests(self) -> LoadDigests:
        """sha256 of every file that was read."""
        folders = self.folders
        return LoadDigests(
            policy=folders.policy.digests(),
            reference=(folders.reference or folders.policy).digests(),
            rewards={name: folder.digests() for name, folder in folders.rewards.items()},
            judges={name: folder.digests() for name, folder in folders.judges.items()},
            evaluation={name: folder.digests() for name, folder in folders.evaluation.items()},
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
            (self.data.good["train"], self.data.good["test"]),
            machine,
            code_digest(),
        )
        return sha256(msgspec.json.encode(state)).hexdigest()

    def scores_digest(self, split: Split, files: LoadDigests, machine: Mapping[str, str]) -> str:
        """sha256 of all that the prompts' scores follow from.

        Args:
            machine: versions, device and threads.
        """
        scorers = [
            (reward.name, reward.scorer, files.rewards[reward.name])
            for reward in self.payload.rewards
        ]
        settings = self.payload.backend
        backend = (settings.dtype, settings.frozen_dtype, settings.deterministic)
        texts = [(str(text), text.written) for text in self.prompts[split].prompts.texts]
        return sha256(msgspec.json.encode((scorers, backend, machine, texts))).hexdigest()


def load_all(payload: LoadPayload, report: Report) -> Loaded:
    """Reads data and models.

    Raises:
        InputError: a config value, a model folder or a data file is wrong.
        MissingEnvironment: the device or the hub cannot be reached.
    """
    total = 5
    report("load", 0, total, "parts")
    device = open_device(payload.backend)
    check_quantization(payload, device)
    folders = _find(payload, report)
    _check_files(payload, folders)
    data = read_data(payload.data.source)
    report("load", 1, total, "parts")
    policy = load_policy(payload, folders.policy, folders.reference, device)
    report("load", 2, total, "parts")
    source = payload.data.source
    chat = open_template(
        (policy.tokenizer, policy.tokenizer_as_loaded),
        source.template,
        [*data.rows["train"], *data.rows["test"]],
    )
    tokenised = {
        split: tokenise_prompts(
            rows,
            policy.tokenizer,
            policy.end_tokens,
            payload.data.prompt_tokens,
            chat,
            source.truncate,
        )
        for split, rows in data.rows.items()
    }
    report("load", 3, total, "parts")
    settings: dict[str, Mapping[str, str]] = {
        folders.policy.key: language_model_settings(
            folders.policy, policy.tokenizer_as_loaded, policy.end_tokens
        )
    }

    def scorer(folder: ModelFolder, named: LoadScorer) -> Scorer:
        model = load_reward(folder, label_of(named), named.sign, device)
        settings[folder.key] = settings_of(model)
        if isinstance(model, TransformersReward):
            model.check_completions(folder, policy.tokenizer_as_loaded, payload.rollout.new_tokens)
        return Scorer(model, named.timeout_seconds)

    rewards = Rewards(
        [
            Component(
                reward.name,
                reward.weight,
                scorer(folders.rewards[reward.name], reward.scorer),
                RewardTransform(reward),
            )
            for reward in payload.rewards
        ]
    )
    report("load", 4, total, "parts")
    judges = {
        judge.name: scorer(folders.judges[judge.name], judge.scorer) for judge in payload.judges
    }
    asked = payload.evaluation
    toxicity = None
    if asked.toxicity is not None:
        toxicity = scorer(folders.evaluation["toxicity"], asked.toxicity.scorer)
    fluency = None
    if asked.fluency is not None:
        fluency = load_fluency(folders.evaluation["fluency"], device)
    report("load", 5, total, "parts")
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
        judges,
        toxicity,
        fluency,
        policy,
        None if chat is None else chat.name,
    )


def label_of(named: LoadScorer) -> str | None:
    """The class that is scored; None: the default one."""
    labels = named.labels if isinstance(named, BuiltinScorer | ClassifierScorer) else []
    return labels[0] if labels else None


def _check_files(payload: LoadPayload, folders: Folders) -> None:
    """Checks the files of every model before any weights are read."""
    check_folder(folders.policy)
    if folders.reference is not None:
        check_folder(folders.reference)
    for reward in payload.rewards:
        check_reward(folders.rewards[reward.name], label_of(reward.scorer))
    for judge in payload.judges:
        check_reward(folders.judges[judge.name], label_of(judge.scorer))
    asked = payload.evaluation
    if asked.toxicity is not None:
        check_reward(folders.evaluation["toxicity"], label_of(asked.toxicity.scorer))
    if asked.fluency is not None:
        check_folder(folders.evaluation["fluency"])
    check_tasks(asked.tasks)


def _find(payload: LoadPayload, report: Report) -> Folders:
    def language_model(named: LoadPolicy | LoadReference, key: str) -> ModelFolder:
        if named.model == "builtin":
            folder = builtin_model("language-model", key)
            refuse_revision(folder, named.revision)
            return folder
        return find_model(
            named.model,
            key,
            report,
            revision=named.revision,
            trust_remote_code=named.trust_remote_code,
        )

    def scorer(named: LoadScorer, builtin: str, key: str) -> ModelFolder:
        if isinstance(named, BuiltinScorer):
            return builtin_model(builtin, key)
        if not isinstance(named, ClassifierScorer):
            kind = named.__struct_config__.tag
            raise InputError(f"{key}: this worker cannot score with the kind {kind} yet", key=key)
        return find_model(
            named.model,
            key,
            report,
            revision=named.revision,
            trust_remote_code=named.trust_remote_code,
        )

    asked = payload.evaluation
    evaluation: dict[str, ModelFolder] = {}
    if asked.toxicity is not None:
        key = "evaluation.toxicity.scorer"
        # A judge is called as in `judges`; a component of the same name comes after it.
        judged = any(judge.name == asked.toxicity.name for judge in payload.judges)
        builtin = "judge" if judged else "reward"
        evaluation["toxicity"] = scorer(asked.toxicity.scorer, builtin, key)
    if asked.fluency is not None:
        evaluation["fluency"] = language_model(asked.fluency, "evaluation.fluency.model")
    reference = payload.reference
    return Folders(
        language_model(payload.policy, "policy.model"),
        None if reference is None else language_model(reference, "reference"),
        {
            reward.name: scorer(reward.scorer, "reward", reward_key(payload, place, "model"))
            for place, reward in enumerate(payload.rewards)
        },
        {
            judge.name: scorer(judge.scorer, "judge", judge_key(place, "model"))
            for place, judge in enumerate(payload.judges)
        },
        evaluation,
    )
