"""Everything one `load` brings into memory, and the training state built on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from averse_worker.data.builtin import Split
from averse_worker.data.sources import Data, read_data
from averse_worker.data.text import Text
from averse_worker.data.tokenise import Prompts, tokenise_prompts
from averse_worker.engine.contract import Report
from averse_worker.engine.texts import completion_of
from averse_worker.models.folder import ModelFolder, find_model
from averse_worker.models.load import load_policy
from averse_worker.models.policy import Policy
from averse_worker.platform.device import Device, open_device
from averse_worker.rewards.classifier import load_reward
from averse_worker.rewards.scoring import Scorer
from averse_worker.rewards.transform import RewardTransform
from averse_worker.rollout.collect import Collector, Episodes
from averse_worker.rollout.generate import Sampler
from averse_worker.training.ema import WeightAverage
from averse_worker.training.ppo import Ppo
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import LoadDigests, LoadPayload


@dataclass(frozen=True)
class Folders:
    """Where the models came from."""

    policy: ModelFolder
    reference: ModelFolder | None
    reward: ModelFolder
    judge: ModelFolder | None


@dataclass(frozen=True)
class PromptSet:
    """Prompts of a split, with the raw reward of each prompt alone."""

    prompts: Prompts
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class EpisodeTexts:
    """Of a rollout, one entry an episode."""

    prompts: Sequence[Text]
    wholes: Sequence[Text]
    """prompt and completion in one"""

    def text_of(self, episode: int) -> tuple[str, str]:
        """Prompt and completion."""
        prompt = self.prompts[episode].written
        return prompt, completion_of(prompt, self.wholes[episode].written)


class Training:
    """A policy and what trains it."""

    def __init__(self, loaded: "Loaded", policy: Policy) -> None:
        settings = loaded.payload
        self.policy = policy
        self.collector = Collector(
            policy,
            loaded.sampler,
            loaded.reward,
            RewardTransform(settings.reward),
            settings.training,
        )
        self.ppo = Ppo(policy, settings.training, settings.rollout.min_new_tokens)
        decay = settings.training.average_decay
        self.average = WeightAverage(policy, decay) if decay else None
        self.rollouts = 0
        self.updates = 0
        self.episodes: Episodes | None = None
        self.texts: EpisodeTexts | None = None

    def weights_replaced(self) -> None:
        """Optimizer and average begin anew, after something else than an update changed the
        weights."""
        self.ppo.reset()
        if self.average is not None:
            self.average.reset()
        self.end_rollout()

    def end_rollout(self) -> None:
        """Lets go of the rollout in hand: its episodes are not those of the weights any more."""
        self.episodes = None
        self.texts = None


class Loaded:
    """Models, data and settings of one `load`, and the training that they serve."""

    def __init__(
        self,
        payload: LoadPayload,
        device: Device,
        folders: Folders,
        data: Data,
        prompts: dict[Split, PromptSet],
        reward: Scorer,
        judge: Scorer | None,
        policy: Policy,
    ) -> None:
        self.payload = payload
        self.device = device
        self.folders = folders
        self.data = data
        self.prompts = prompts
        self.reward = reward
        self.judge = judge
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
        policy = load_policy(self.payload, self.folders.policy, self.folders.reference, self.device)
        self.training = Training(self, policy)

    def digests(self) -> LoadDigests:
        """sha256 of every file that was read."""
        folders = self.folders
        return LoadDigests(
            policy=folders.policy.digests(),
            reference=(folders.reference or folders.policy).digests(),
            reward=folders.reward.digests(),
            judge=folders.judge.digests() if folders.judge else {},
            data=self.data.digests,
        )


def load_all(payload: LoadPayload, report: Report) -> Loaded:
    """Reads data and models and scores the prompts.

    Raises:
        InputError: a config value, a model folder or a data file is wrong, or the reward model
            fails on a prompt.
        MissingEnvironment: the device or the hub cannot be reached.
    """
    total = 5
    report("load", 0, total, "parts")
    device = open_device(payload.backend)
    folders = _find(payload, report)
    data = read_data(payload.data.path)
    report("load", 1, total, "parts")
    policy = load_policy(payload, folders.policy, folders.reference, device)
    report("load", 2, total, "parts")
    prompts = {
        split: tokenise_prompts(
            rows, policy.tokenizer, policy.end_tokens, payload.data.prompt_tokens
        )
        for split, rows in data.rows.items()
    }
    report("load", 3, total, "parts")
    settings, trust = payload.reward, payload.policy.trust_remote_code
    limit = settings.timeout_seconds
    model = load_reward(folders.reward, settings.label, settings.sign, device, trust)
    reward = Scorer(model, limit)
    report("load", 4, total, "parts")
    judge = None
    if folders.judge:
        judge = Scorer(load_reward(folders.judge, None, 1, device, trust), limit)
    report("load", 5, total, "parts")
    scored = {
        split: PromptSet(part, _scores(reward, part, split, report))
        for split, part in prompts.items()
    }
    return Loaded(payload, device, folders, data, scored, reward, judge, policy)


def _find(payload: LoadPayload, report: Report) -> Folders:
    trust = payload.policy.trust_remote_code

    def find(model: str | None, builtin: str, key: str) -> ModelFolder | None:
        return find_model(model, builtin, key, trust, report) if model is not None else None

    return Folders(
        find_model(payload.policy.model, "language-model", "policy.model", trust, report),
        find(payload.reference, "language-model", "reference"),
        find_model(payload.reward.model, "reward", "reward.model", trust, report),
        find(payload.judge, "judge", "judge"),
    )


def _scores(reward: Scorer, part: Prompts, split: Split, report: Report) -> NDArray[np.float32]:
    """Raw scores of the prompts alone; by them hard ones are told, so that each needs one."""
    texts = part.texts
    report("score", 0, len(texts), "texts")
    scores = reward.score(texts, lambda done, total: report("score", done, total, "texts"))
    report("score", len(texts), len(texts), "texts")
    if scores.failures:
        first = min(scores.failures)
        raise InputError(
            f"the reward model fails on {len(scores.failures)} of {len(texts)} {split} prompts, "
            f"first on prompt {part.ids[first]}: {scores.failures[first].message}; every prompt "
            "needs a score: leave those out of data.path, or take another reward.model",
            key="reward.model",
        )
    return scores.values
