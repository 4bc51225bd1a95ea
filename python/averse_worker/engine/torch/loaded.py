"""Everything that one `load` has brought into memory, and the training state built on it."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from averse_worker.data.builtin import Split
from averse_worker.data.examples import contents
from averse_worker.data.sources import Data
from averse_worker.data.templates import open_template, template_digest
from averse_worker.data.text import Text, completion_of
from averse_worker.data.tokenise import Prompts
from averse_worker.engine.torch.learner import Learner
from averse_worker.evaluation.fluency import FluencyModel
from averse_worker.models.batches import PaddedPrompts
from averse_worker.models.folder import ModelFolder
from averse_worker.models.load import load_policy
from averse_worker.models.policy import Policy
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device
from averse_worker.platform.files import code_digest
from averse_worker.platform.ranks import Ranks
from averse_worker.rewards.combine import Moments, Rewards
from averse_worker.rewards.load import LoadedScorer, ScorerPlace
from averse_worker.rollout.collect import Episodes
from averse_worker.rollout.generate import Sampler
from averse_worker.training.ema import EmaWeights
from averse_worker.wire.messages.base import Digests
from averse_worker.wire.messages.load import HttpScorer, LoadDigests, LoadPayload, PythonScorer

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
