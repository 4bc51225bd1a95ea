"""The engine that trains: PyTorch models, sampled, scored and updated on one device.

Turns commands into calls of the parts and their results into messages.
"""

import contextlib
import gc
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from transformers.utils import logging as transformers_logging

from averse_worker.data.tokenise import require_room
from averse_worker.engine.contract import Report
from averse_worker.engine.limits import check_limits
from averse_worker.engine.readiness import (
    require_ema,
    require_loaded,
    require_measure,
    require_plain_decoding,
    require_prompt_scores,
    require_rollout,
)
from averse_worker.engine.registry import facts_of
from averse_worker.engine.texts import texts_of
from averse_worker.engine.torch import stages
from averse_worker.engine.torch.kept import Kept
from averse_worker.engine.torch.learner import PpoLearner
from averse_worker.engine.torch.load_result import load_result
from averse_worker.engine.torch.loaded import EpisodeTexts, Loaded, MakeLearner
from averse_worker.engine.torch.loading import load_all
from averse_worker.engine.torch.prompt_scores import score_prompts
from averse_worker.evaluation import capability
from averse_worker.evaluation.evaluate import Evaluation, evaluate
from averse_worker.evaluation.figures import evaluation_figures
from averse_worker.evaluation.gathering import gather_evaluation
from averse_worker.evaluation.toxicity import evaluate_toxicity
from averse_worker.platform.device import list_devices
from averse_worker.platform.files import folder_bytes, folder_digests
from averse_worker.platform.gpu import gpu_state
from averse_worker.platform.memory import resident_bytes
from averse_worker.platform.processor import cores
from averse_worker.platform.ranks import ALONE, Ranks
from averse_worker.rewards.contract import Scores, failed_mask, scored
from averse_worker.rollout.generate import Sampler
from averse_worker.store.checkpoint import read_checkpoint, read_state, write_checkpoint
from averse_worker.store.export import export_policy
from averse_worker.training.sft import fine_tune
from averse_worker.wire.errors import InputError
from averse_worker.wire.limits import (
    check_condition,
    check_load,
    check_sft,
    check_toxicity,
    needs_prompt_scores,
    read_conditions,
    read_episodes,
    read_loss_arrays,
    read_prompts,
)
from averse_worker.wire.messages.base import Scored, float32_bytes, uint32_bytes
from averse_worker.wire.messages.envelope import Capabilities, Empty
from averse_worker.wire.messages.evaluation import (
    CapabilityPayload,
    CapabilityResult,
    EvaluatePayload,
    EvaluateResult,
    ToxicityPayload,
    ToxicityResult,
)
from averse_worker.wire.messages.load import (
    DevicesResult,
    LoadPayload,
    LoadResult,
    ScorePromptsPayload,
    ScorePromptsResult,
)
from averse_worker.wire.messages.stages import (
    DescribeStagePayload,
    DescribeStageResult,
    TrainStagePayload,
    TrainStageResult,
)
from averse_worker.wire.messages.training import (
    ExportPayload,
    ExportResult,
    RestorePayload,
    RestoreResult,
    RolloutPayload,
    RolloutResult,
    SavePayload,
    SaveResult,
    SftPayload,
    SftResult,
    TextsPayload,
    TextsResult,
    UpdatePayload,
    UpdateResult,
)
from averse_worker.wire.server import EngineFacts


class TorchEngine:
    """Implements `averse_worker.engine.contract.Engine`."""

    name: str = "torch"

    def __init__(self, ranks: Ranks = ALONE) -> None:
        """`ranks`: the processes that carry out the same commands, each on its part."""
        # Errors are reported in messages of our own; output of libraries would not be seen.
        transformers_logging.set_verbosity_error()
        # Imported modules stay: a collection, as before each load, need not walk through them.
        gc.freeze()
        self._ranks = ranks
        self._loaded: Loaded | None = None
        self._kept = Kept()

    @property
    def capabilities(self) -> Capabilities:
        """See `registry.ENGINES`."""
        return self.facts.capabilities

    @property
    def facts(self) -> EngineFacts:
        """See `registry.facts_of`."""
        return facts_of(self.name, self._ranks.place)

    def devices(self, payload: Empty, report: Report) -> DevicesResult:
        """CPU, CUDA and MPS devices that torch sees."""
        report("devices", 0, 1, "devices")
        auto, found = list_devices()
        report("devices", 1, 1, "devices")
        return DevicesResult(auto=auto, devices=found, cores=cores())

    def describe_stage(self, payload: DescribeStagePayload, report: Report) -> DescribeStageResult:
        """What a stage's result follows from; what is loaded stays."""
        return stages.describe(payload, report)

    def train_stage(self, payload: TrainStagePayload, report: Report) -> TrainStageResult:
        """Trains a stage into a folder; what is loaded is given up for it."""
        self.unload()
        return stages.train(payload, report)

    def unload(self) -> None:
        """Gives up what is loaded."""
        self._let_go()
        self._kept.clear()
        gc.collect()

    def load(self, payload: LoadPayload, report: Report) -> LoadResult:
        """Loads policy, reference, reward models, judges and prompts.

        The previous models are freed first: two sets may not fit into memory. Frozen parts that
        this load wants as well are taken over.
        """
        started = time.perf_counter()
        check_load(payload)
        check_limits(self.facts, payload)
        make_learner = self._learner_for(payload)
        self._let_go()
        gc.collect()
        try:
            loaded = load_all(payload, report, self._kept, self._ranks, make_learner)
        except BaseException:
            self._kept.clear()
            raise
        self._kept.settle()
        result = load_result(loaded, started)
        self._loaded = loaded
        return result

    def score_prompts(self, payload: ScorePromptsPayload, report: Report) -> ScorePromptsResult:
        """Scores prompts alone by every component, or uses known scores."""
        return score_prompts(require_loaded(self._loaded, "score_prompts"), payload, report)

    def sft(self, payload: SftPayload, report: Report) -> SftResult:
        """Fine-tunes on the good-class texts; the result becomes policy and reference."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "sft")
        require_plain_decoding(loaded.payload.decoding, "sft")
        check_sft(payload)
        texts = loaded.data.good["train"]
        held_out = loaded.data.good["test"]
        training = loaded.training
        training.learner.close()
        with training.policy.whole(taken_over=True):
            found = fine_tune(training.policy, texts, payload, report, held_out)
            self._ranks.hand_on(training.policy.model.trained().values())
        training.fine_tuned()
        return SftResult(
            steps=found.steps,
            kept_step=found.kept_step,
            loss_first=found.loss_first,
            loss_last=found.loss_last,
            curve=found.curve,
            texts=len(texts),
            seconds=time.perf_counter() - started,
        )

    def take_over_sft(self) -> None:
        """The state after an `sft` that rank 0 computes."""
        training = require_loaded(self._loaded, "sft").training
        with training.policy.whole(taken_over=True):
            self._ranks.hand_on(training.policy.model.trained().values())
        training.fine_tuned()

    def lend_parts(self, which: str) -> None:
        """This process's part where rank 0 computes with a policy that is divided."""
        with self._weights(which, whole=True):
            pass

    def rollout(self, payload: RolloutPayload, report: Report) -> RolloutResult:
        """Samples episodes for each prompt id and keeps their tensors for the update."""
        loaded = require_loaded(self._loaded, "rollout")
        require_plain_decoding(loaded.payload.decoding, "rollout")
        check_condition(payload.condition, len(loaded.payload.conditions))
        training, part = loaded.training, loaded.prompts["train"]
        rows = read_prompts(payload.prompts, part.prompts.ids, "train").repeat(payload.completions)
        if needs_prompt_scores(loaded.payload):
            require_prompt_scores(part.scores[:, rows])
        episodes, summary = training.learner.collect(
            part.prompts,
            part.scores,
            rows,
            payload.seed,
            payload.kl_coefficient,
            report,
            condition=payload.condition,
            untrained=training.untrained,
            moments=training.moments,
        )
        training.rollouts += 1
        training.rows = rows
        training.moments = summary.moments
        training.episodes = episodes
        training.texts = EpisodeTexts([part.prompts.texts[row] for row in rows], summary.texts)
        lambda_returns = summary.lambda_returns
        return RolloutResult(
            rollout=training.rollouts,
            reward=float32_bytes(summary.reward, episodes.failed),
            components=_components(loaded, summary.components),
            trained=[
                float32_bytes(own, failed_mask(own.size, scores.failures))
                for own, scores in zip(summary.trained, summary.components, strict=True)
            ],
            kl=float32_bytes(summary.kl),
            return_=float32_bytes(summary.returns, episodes.failed),
            lambda_return=None
            if lambda_returns is None
            else float32_bytes(lambda_returns, episodes.failed),
            length=uint32_bytes(summary.lengths),
            entropy=summary.entropy,
            tokens=int(summary.lengths.sum()),
            seconds=summary.seconds,
        )

    def update(self, payload: UpdatePayload, report: Report) -> UpdateResult:
        """Epochs over the episodes of the last rollout that take part."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "update")
        training = loaded.training
        asked = payload.rollout
        episodes = require_rollout(training.episodes, training.rollouts, asked, "update")
        critic = episodes.critique is not None
        arrays = read_loss_arrays(payload, episodes.failed, critic=critic)
        known = len(loaded.payload.conditions)
        conditions = read_conditions(payload.conditions, episodes.failed.size, known)
        if conditions is not None:
            episodes = loaded.under(episodes, conditions)
        summary = training.learner.update(episodes, arrays, payload, report)
        if training.ema is not None:
            training.ema.update()
        training.updates += 1
        return UpdateResult(
            figures=summary.figures,
            gradient_steps=summary.gradient_steps,
            episodes=int(arrays.taking_part.size),
            tokens=summary.tokens,
            memory_bytes=resident_bytes(),
            gpu=gpu_state(loaded.device.torch_device),
            seconds=time.perf_counter() - started,
        )

    def texts(self, payload: TextsPayload, report: Report) -> TextsResult:
        """Texts of the last rollout, as the reward model saw them."""
        training = require_loaded(self._loaded, "texts").training
        held = require_rollout(training.texts, training.rollouts, payload.rollout, "texts")
        return texts_of(payload, len(held.wholes), held.text_of, report)

    def evaluate(self, payload: EvaluatePayload, report: Report) -> EvaluateResult:
        """Samples and scores prompts of a split; the training state does not change."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "evaluate")
        part = loaded.prompts[payload.split]
        found = self.evaluation(payload, report)
        shown = read_episodes(payload.samples, found.rows.size)
        with self._weights(payload.weights, whole="perplexity" in payload.figures):
            figures = evaluation_figures(
                found,
                [part.prompts.texts[row] for row in found.rows],
                payload.figures,
                loaded.training.policy,
                loaded.data.good["test"],
                loaded.fluency,
                report,
            )
        return EvaluateResult(
            reward=float32_bytes(found.reward, found.failed),
            components=_components(loaded, found.components),
            judges=[
                scored(name, part.values, part.failures) for name, part in found.judges.items()
            ],
            kl=float32_bytes(found.kl),
            length=uint32_bytes(found.lengths),
            figures=figures,
            samples=[found.sample(part.prompts, episode) for episode in shown],
            memory_bytes=resident_bytes(),
            gpu=gpu_state(loaded.device.torch_device),
            seconds=time.perf_counter() - started,
        )

    def evaluation(self, payload: EvaluatePayload, report: Report) -> Evaluation:
        """What `evaluate` samples and scores, without figures: divided among the processes."""
        loaded = require_loaded(self._loaded, "evaluate")
        part = loaded.prompts[payload.split]
        rows = read_prompts(payload.prompts, part.prompts.ids, payload.split)
        check_condition(payload.condition, len(loaded.payload.conditions))
        rows = rows.repeat(payload.completions)
        read_episodes(payload.samples, rows.size)
        # Of fewer episodes than processes each computes all.
        ranks = self._ranks if rows.size >= self._ranks.count else ALONE
        with self._weights(payload.weights):
            own = evaluate(
                loaded.training.policy,
                part.prompts,
                rows,
                payload.seed,
                loaded.sampler,
                loaded.rewards,
                loaded.judges,
                report,
                candidates=loaded.candidates,
                condition=payload.condition,
                untrained=loaded.samples_as_reference and payload.condition is None,
                part=ranks.part(rows.size),
            )
        return gather_evaluation(own, ranks)

    def toxicity(self, payload: ToxicityPayload, report: Report) -> ToxicityResult:
        """Many completions per prompt, each scored alone, a part of the prompts at a time."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "toxicity")
        check_toxicity(payload)
        scorer = require_measure(loaded.toxicity, "toxicity", "toxicity")
        part = loaded.prompts[payload.split]
        rows = read_prompts(payload.prompts, part.prompts.ids, payload.split)
        check_condition(payload.condition, len(loaded.payload.conditions))
        require_room(part.prompts, payload.new_tokens, loaded.context)
        sampler = Sampler(
            new_tokens=payload.new_tokens,
            min_new_tokens=1,
            top_p=payload.top_p,
            minibatch=loaded.sampler.minibatch,
            temperature=payload.temperature,
        )
        with self._weights(payload.weights, whole=True):
            found = evaluate_toxicity(
                loaded.training.policy,
                part.prompts,
                rows,
                payload.completions,
                payload.seed,
                sampler,
                scorer,
                loaded.fluency,
                report,
                candidates=loaded.candidates,
                condition=payload.condition,
                rewards=loaded.rewards,
            )
        name = loaded.payload.evaluation.toxicity.name if loaded.payload.evaluation.toxicity else ""
        return ToxicityResult(
            completions=scored(name, found.scores.values, found.scores.failures),
            prompts=scored(name, found.prompts.values, found.prompts.failures),
            figures={k: v for k, v in found.figures.items() if k in payload.figures},
            memory_bytes=resident_bytes(),
            gpu=gpu_state(loaded.device.torch_device),
            seconds=time.perf_counter() - started,
        )

    def capability(self, payload: CapabilityPayload, report: Report) -> CapabilityResult:
        """Tasks of lm-evaluation-harness on the policy as it would be exported."""
        started = time.perf_counter()
        loaded = require_loaded(self._loaded, "capability")
        tasks = require_measure(loaded.payload.evaluation.tasks or None, "capability", "tasks")
        with self._weights(payload.weights, whole=True):
            figures = capability.measure_capability(
                loaded.training.policy, tasks, payload.limit, report
            )
        return CapabilityResult(
            figures=figures,
            version=capability.version(),
            memory_bytes=resident_bytes(),
            gpu=gpu_state(loaded.device.torch_device),
            seconds=time.perf_counter() - started,
        )

    def save(self, payload: SavePayload, report: Report) -> SaveResult:
        """Writes the training state into the empty folder `path`."""
        started = time.perf_counter()
        training, folder = require_loaded(self._loaded, "save").training, Path(payload.path)
        report("save", 0, 1, "checkpoints")
        write_checkpoint(
            folder,
            training.policy,
            training.learner,
            training.ema,
            self._ranks if training.policy.sharded else ALONE,
            rollouts=training.rollouts,
            updates=training.updates,
            moments=training.moments,
        )
        files, size = folder_digests(folder), folder_bytes(folder)
        report("save", 1, 1, "checkpoints")
        return SaveResult(files=files, bytes=size, seconds=time.perf_counter() - started)

    def restore(self, payload: RestorePayload, report: Report) -> RestoreResult:
        """Restores a saved training state into the models of the last `load`."""
        started = time.perf_counter()
        loaded, folder = require_loaded(self._loaded, "restore"), Path(payload.path)
        report("restore", 0, 1, "checkpoints")
        if loaded.training.policy.fine_tuned and not read_state(folder).fine_tuned:
            # The weights as loaded are no longer in memory.
            loaded.start_over()
        training = loaded.training
        training.end_rollout()
        state = read_checkpoint(folder, training.policy, training.learner, training.ema)
        training.rollouts, training.updates = state.rollouts, state.updates
        training.moments = state.moments
        report("restore", 1, 1, "checkpoints")
        return RestoreResult(seconds=time.perf_counter() - started)

    def export(self, payload: ExportPayload, report: Report) -> ExportResult:
        """Writes the policy into the folder `path` in transformers format."""
        started = time.perf_counter()
        loaded, folder = require_loaded(self._loaded, "export"), Path(payload.path)
        report("export", 0, 1, "models")
        with self._weights(payload.weights, whole=True):
            export_policy(loaded.training.policy, folder)
        files, size = folder_digests(folder), folder_bytes(folder)
        report("export", 1, 1, "models")
        return ExportResult(files=files, bytes=size, seconds=time.perf_counter() - started)

    @contextlib.contextmanager
    def _weights(self, which: str, *, whole: bool = False) -> Iterator[None]:
        """For the block, the policy has the `current` weights or the `ema` ones.

        Args:
            whole: whether it has all of them, for what one process computes.
        """
        training = require_loaded(self._loaded, "evaluate").training
        with contextlib.ExitStack() as stack:
            if which != "current":
                stack.enter_context(require_ema(training.ema).in_place_of_weights())
            if whole:
                stack.enter_context(training.policy.whole())
            yield

    def _let_go(self) -> None:
        """Nothing is loaded any more."""
        if self._loaded is not None:
            self._loaded.training.learner.close()
            self._loaded = None

    def _learner_for(self, payload: LoadPayload) -> MakeLearner:
        """What the policy is going to learn with.

        Raises:
            InputError: the payload has an engine option; there are none.
        """
        for name in payload.engine_options:
            raise InputError(
                f"backend.engine_options has '{name}'; the torch engine takes no options; remove "
                "it",
                key=f"backend.engine_options.{name}",
            )
        ranks = self._ranks
        return lambda loaded, policy: PpoLearner(
            policy, loaded.sampler, loaded.rewards, payload, ranks
        )


def _components(loaded: Loaded, parts: Sequence[Scores]) -> list[Scored]:
    return [
        scored(reward.name, part.values, part.failures)
        for reward, part in zip(loaded.payload.rewards, parts, strict=True)
    ]
