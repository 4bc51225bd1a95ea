"""A deterministic engine without torch, for tests and for trying the controller out.

It answers every field of the protocol in milliseconds, and it does learn: rewards are heavy
tailed, rise with updates, and rise most on the prompts that the weights point at. The world is
in `fake_world`, drawing in `fake_sampling`, the gradient step in `fake_learning`.
"""

import math
import platform
import statistics
import time
from pathlib import Path
from typing import Final

import numpy as np

from averse_worker import __version__
from averse_worker.digests import folder_bytes, folder_digests
from averse_worker.engine import Report
from averse_worker.engines import (
    CAPABILITIES,
    fake_files,
    fake_learning,
    fake_loading,
    fake_sampling,
    fake_world,
)
from averse_worker.engines.fake_learning import Episodes, Parameters, StepFigures
from averse_worker.engines.fake_sampling import Draw
from averse_worker.engines.fake_world import Floats, Prompts
from averse_worker.errors import InputError, ProtocolError
from averse_worker.limits import check_load, check_sft, read_prompts, read_weights
from averse_worker.memory import resident_bytes
from averse_worker.messages import (
    Capabilities,
    EvaluatePayload,
    EvaluateResult,
    ExportPayload,
    ExportResult,
    LoadDigests,
    LoadPayload,
    LoadResult,
    PromptSet,
    RestorePayload,
    RestoreResult,
    RolloutPayload,
    RolloutResult,
    RolloutSeconds,
    Sample,
    SavePayload,
    SaveResult,
    SftPayload,
    SftResult,
    UpdatePayload,
    UpdateResult,
    float32_bytes,
    uint32_bytes,
)

_GOOD: Final = 0.5
"""Prompts that score higher are the good class, which SFT learns from."""


class FakeEngine:
    """Implements `averse_worker.engine.Engine`."""

    name = "fake"

    def __init__(self) -> None:
        self._loaded: LoadPayload | None = None
        self._train: Prompts
        self._test: Prompts
        self._parameters: Parameters
        self._last: Episodes | None = None
        self._rollouts = 0
        self._updates = 0

    @property
    def capabilities(self) -> Capabilities:
        """See `engines.CAPABILITIES`."""
        return CAPABILITIES["fake"]

    def load(self, payload: LoadPayload, report: Report) -> LoadResult:
        """Loads the built-in world; refuses models and data it does not have."""
        started = time.perf_counter()
        check_load(payload)
        fake_loading.check_known(payload)
        report("load", 0, 3, "models")
        policy, policy_digests = fake_loading.load_policy(payload.policy.model, "policy.model")
        report("load", 1, 3, "models")
        reference, reference_digests = (
            (policy, policy_digests)
            if payload.reference is None
            else fake_loading.load_policy(payload.reference, "reference")
        )
        report("load", 2, 3, "models")
        train, test = fake_world.make_prompts(payload.reward.sign)
        random = np.random.default_rng((0x4EAD, payload.seed))
        report("load", 3, 3, "models")
        self._train, self._test = train, test
        self._parameters = Parameters(
            policy=policy,
            reference=reference,
            average=policy,
            value=0.01 * random.standard_normal(fake_world.FEATURES),
        )
        self._loaded, self._last = payload, None
        self._rollouts = self._updates = 0
        return LoadResult(
            device="cpu",
            device_name=platform.processor() or platform.machine(),
            dtype=payload.backend.dtype,
            threads=payload.backend.threads or 1,
            parameters=2 * fake_world.FEATURES,
            context=1024,
            train=_prompt_set(train),
            test=_prompt_set(test),
            versions={
                "python": platform.python_version(),
                "numpy": np.__version__,
                "averse_worker": __version__,
            },
            digests=LoadDigests(
                policy=policy_digests,
                reference=reference_digests,
                reward=fake_loading.builtin_digest(np.array([payload.reward.sign])),
                judge={} if payload.judge is None else fake_loading.builtin_digest(np.zeros(1)),
                data=fake_loading.builtin_digest(train.scores),
            ),
            memory_bytes=resident_bytes(),
            seconds=time.perf_counter() - started,
        )

    def sft(self, payload: SftPayload, report: Report) -> SftResult:
        """Pulls the mean action on good prompts towards 0.5; becomes the reference as well."""
        started = time.perf_counter()
        loaded = self._ready("sft")
        check_sft(payload)
        good = self._train.features[self._train.scores > _GOOD]
        random = np.random.default_rng((0x5F7, payload.seed))
        policy, first, last = self._parameters.policy, 0.0, 0.0
        rate = min(300 * payload.learning_rate, 0.5)
        for step in range(payload.steps):
            report("sft", step, payload.steps, "steps")
            features = good[random.integers(0, len(good), min(payload.batch, len(good)))]
            error = features @ policy - 0.5
            last = 3.0 + float((error**2).mean())
            first = first or last
            policy = policy - rate * features.T @ error / len(error)
        report("sft", payload.steps, payload.steps, "steps")
        self._parameters.policy = self._parameters.average = policy
        if loaded.reference is None:
            self._parameters.reference = policy
        self._last = None
        return SftResult(
            steps=payload.steps,
            loss_first=first,
            loss_last=last,
            texts=len(good),
            seconds=time.perf_counter() - started,
        )

    def rollout(self, payload: RolloutPayload, report: Report) -> RolloutResult:
        """Samples one action a prompt; texts exist only where an evaluation shows them."""
        started = time.perf_counter()
        loaded = self._ready("rollout")
        positions = read_prompts(payload.prompts, self._train.ids, "train")
        prompts = self._train.take(positions)
        count = positions.size
        for done in range(0, count, loaded.rollout.minibatch or count):
            report("sample", done, count, "episodes")
        random = np.random.default_rng((0x2011, payload.seed))
        drawn = fake_sampling.draw(prompts, self._parameters.policy, loaded.rollout, random)
        report("sample", count, count, "episodes")
        sampled = time.perf_counter()
        report("reference", 0, count, "episodes")
        log_probability, kl = self._log_probabilities(prompts, drawn, self._parameters.policy)
        report("reference", count, count, "episodes")
        referred = time.perf_counter()
        report("reward", 0, count, "episodes")
        worth = fake_sampling.worth(prompts, drawn, kl, payload.kl_coefficient, loaded)
        offset = fake_world.critic_offset(prompts, exact=loaded.training.prefix_baseline)
        values = prompts.features @ self._parameters.value + offset
        lengths = drawn.lengths.astype(np.float64)
        lambda_return = fake_learning.lambda_return(
            worth.trained, worth.kl_a_token, values, lengths, loaded.training
        )
        report("reward", count, count, "episodes")
        self._rollouts += 1
        self._last = Episodes(
            features=prompts.features,
            offset=offset,
            actions=drawn.actions,
            log_probability=log_probability,
            values=values,
            lambda_return=lambda_return,
            lengths=lengths,
            scale=loaded.rollout.temperature,
        )
        return RolloutResult(
            rollout=self._rollouts,
            reward=float32_bytes(worth.raw),
            kl=float32_bytes(kl),
            return_=float32_bytes(worth.returns),
            lambda_return=float32_bytes(lambda_return),
            length=uint32_bytes(drawn.lengths),
            entropy=_entropy(loaded.rollout.temperature),
            tokens=int(lengths.sum()),
            seconds=RolloutSeconds(
                sample=sampled - started,
                reference=referred - sampled,
                reward=time.perf_counter() - referred,
            ),
        )

    def update(self, payload: UpdatePayload, report: Report) -> UpdateResult:
        """PPO epochs over the weighted episodes of the last rollout."""
        started = time.perf_counter()
        training = self._ready("update").training
        if self._last is None or payload.rollout != self._rollouts:
            held = "none" if self._last is None else str(self._rollouts)
            raise ProtocolError(
                f"the update is for rollout {payload.rollout}, this engine holds {held}; "
                "update only the last rollout, and roll out again after `load` or `restore`"
            )
        episodes = self._last
        weights = read_weights(payload.weights, episodes.actions.size)
        kept = np.flatnonzero(weights)
        weights = weights * kept.size  # mean 1 over the kept
        advantages = (episodes.lambda_return - episodes.values)[kept]
        spread = float(advantages.std())
        whitened = np.zeros(weights.size)
        whitened[kept] = (advantages - advantages.mean()) / (spread + 1e-8)
        random = np.random.default_rng((0x0DD, payload.seed))
        steps: list[StepFigures] = []
        total = training.epochs * math.ceil(kept.size / training.minibatch)
        for _ in range(training.epochs):
            order = random.permutation(kept)
            for start in range(0, order.size, training.minibatch):
                report("update", len(steps), total, "steps")
                rows = order[start : start + training.minibatch]
                steps.append(
                    fake_learning.gradient_step(
                        self._parameters,
                        episodes,
                        rows,
                        weights[rows],
                        whitened[rows],
                        training,
                        payload.learning_rate_factor,
                    )
                )
        report("update", total, total, "steps")
        self._updates += 1
        decay = training.average_decay
        if decay > 0:
            self._parameters.average = (
                decay * self._parameters.average + (1 - decay) * self._parameters.policy
            )
        target = episodes.lambda_return[kept]
        unexplained = float((target - episodes.values[kept]).var())
        return UpdateResult(
            loss_policy=statistics.fmean(step.loss_policy for step in steps),
            loss_value=statistics.fmean(step.loss_value for step in steps),
            entropy=_entropy(episodes.scale),
            clip_fraction=statistics.fmean(step.clip_fraction for step in steps),
            approx_kl=statistics.fmean(step.approx_kl for step in steps),
            grad_norm=statistics.fmean(step.grad_norm for step in steps),
            explained_variance=1 - unexplained / max(float(target.var()), 1e-8),
            gradient_steps=len(steps),
            episodes=int(kept.size),
            tokens=int(episodes.lengths[kept].sum()) * training.epochs,
            memory_bytes=resident_bytes(),
            seconds=time.perf_counter() - started,
        )

    def evaluate(self, payload: EvaluatePayload, report: Report) -> EvaluateResult:
        """Samples prompts of a split with their own random numbers; changes nothing."""
        started = time.perf_counter()
        loaded = self._ready("evaluate")
        split = self._train if payload.split == "train" else self._test
        prompts = split.take(read_prompts(payload.prompts, split.ids, payload.split))
        policy = self._weights(payload.weights)
        count = prompts.ids.size
        report("evaluate", 0, count, "episodes")
        random = np.random.default_rng((0xE7A1, payload.seed))
        drawn = fake_sampling.draw(prompts, policy, loaded.rollout, random)
        _, kl = self._log_probabilities(prompts, drawn, policy)
        reward = fake_world.raw_reward(prompts, drawn.actions, drawn.noise)
        completions = fake_world.completion_tokens(
            random, prompts.features @ policy, drawn.lengths, loaded.rollout.top_k
        )
        by_score = np.argsort(prompts.scores, kind="stable")
        shown = by_score[np.linspace(0, count - 1, min(payload.samples, count)).astype(np.intp)]
        drift = policy - self._parameters.reference
        report("evaluate", count, count, "episodes")
        return EvaluateResult(
            reward=float32_bytes(reward),
            judge=None
            if loaded.judge is None
            else float32_bytes(fake_world.judge_reward(prompts, drawn.actions)),
            kl=float32_bytes(kl),
            length=uint32_bytes(drawn.lengths),
            dist_1=fake_world.distinct(completions, 1),
            dist_2=fake_world.distinct(completions, 2),
            dist_3=fake_world.distinct(completions, 3),
            perplexity=40 * math.exp(min(0.05 * float(drift @ drift), 10))
            if payload.perplexity
            else None,
            samples=[
                Sample(
                    prompt=int(prompts.ids[row]),
                    text=fake_world.prompt_text(int(prompts.ids[row]), loaded.data.prompt_tokens),
                    completion=fake_world.completion_text(completions[row]),
                    reward=float(reward[row]),
                )
                for row in shown
            ],
            memory_bytes=resident_bytes(),
            seconds=time.perf_counter() - started,
        )

    def save(self, payload: SavePayload, report: Report) -> SaveResult:
        """Writes parameters and counters; there is no random state to write."""
        started = time.perf_counter()
        self._ready("save")
        folder = Path(payload.path)
        report("save", 0, 1, "checkpoints")
        fake_files.write_checkpoint(
            folder, self._parameters, {"rollouts": self._rollouts, "updates": self._updates}
        )
        report("save", 1, 1, "checkpoints")
        return SaveResult(
            files=folder_digests(folder),
            bytes=folder_bytes(folder),
            seconds=time.perf_counter() - started,
        )

    def restore(self, payload: RestorePayload, report: Report) -> RestoreResult:
        """Takes up parameters and counters of a checkpoint."""
        started = time.perf_counter()
        self._ready("restore")
        report("restore", 0, 1, "checkpoints")
        self._parameters, counters = fake_files.read_checkpoint(Path(payload.path))
        self._rollouts, self._updates = counters["rollouts"], counters["updates"]
        self._last = None
        report("restore", 1, 1, "checkpoints")
        return RestoreResult(seconds=time.perf_counter() - started)

    def export(self, payload: ExportPayload, report: Report) -> ExportResult:
        """Writes a policy that `policy.model` and `reference` can name."""
        started = time.perf_counter()
        self._ready("export")
        folder = Path(payload.path)
        report("export", 0, 1, "models")
        fake_files.write_policy(folder, self._weights(payload.weights))
        report("export", 1, 1, "models")
        return ExportResult(
            files=folder_digests(folder),
            bytes=folder_bytes(folder),
            seconds=time.perf_counter() - started,
        )

    def _ready(self, command: str) -> LoadPayload:
        if self._loaded is None:
            raise ProtocolError(f"`{command}` came before `load`; send `load` first")
        return self._loaded

    def _weights(self, which: str) -> Floats:
        decay = self._ready("evaluate").training.average_decay
        if which == "average" and decay == 0:
            raise InputError(
                "there is no average of the weights: training.average_decay is 0; "
                "set it above 0 (0.99, say) or ask for the current weights",
                key="training.average_decay",
            )
        return self._parameters.average if which == "average" else self._parameters.policy

    def _log_probabilities(
        self, prompts: Prompts, drawn: Draw, policy: Floats
    ) -> tuple[Floats, Floats]:
        """log π of each action, and log(π / π_ref)."""
        scale = self._ready("sample").rollout.temperature
        ours, reference = (
            fake_learning.log_density(drawn.actions, prompts.features @ parameters, scale)
            for parameters in (policy, self._parameters.reference)
        )
        return ours, ours - reference


def _entropy(scale: float) -> float:
    """Of a Gaussian, in nats."""
    return 0.5 * math.log(2 * math.pi * math.e * scale**2)


def _prompt_set(prompts: Prompts) -> PromptSet:
    return PromptSet(ids=uint32_bytes(prompts.ids), scores=float32_bytes(prompts.scores))
