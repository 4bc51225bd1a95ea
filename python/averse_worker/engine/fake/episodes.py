"""Rollouts and evaluations of the fake engine: one action per episode, its return, its texts."""

import math
import time
from collections.abc import Callable, Mapping

import numpy as np

from averse_worker.engine.contract import Report
from averse_worker.engine.fake import learning, world
from averse_worker.engine.fake.learning import Episodes
from averse_worker.engine.fake.loaded import Loaded
from averse_worker.engine.fake.world import Floats, Words
from averse_worker.engine.readiness import require_prompt_scores
from averse_worker.evaluation.best_of import best_of
from averse_worker.evaluation.distinct import distinct
from averse_worker.evaluation.repetition import repetition_rate
from averse_worker.evaluation.self_bleu import self_bleu
from averse_worker.platform.memory import resident_bytes
from averse_worker.rewards.contract import Failed, failed_mask, scored
from averse_worker.wire.limits import (
    needs_prompt_scores,
    read_episodes,
    read_known_scores,
    read_prompts,
)
from averse_worker.wire.messages.base import Scored, float32_bytes, uint32_bytes
from averse_worker.wire.messages.evaluation import EvaluatePayload, EvaluateResult, Sample
from averse_worker.wire.messages.load import (
    PromptScores,
    ScorePromptsPayload,
    ScorePromptsResult,
)
from averse_worker.wire.messages.training import RolloutPayload, RolloutResult, RolloutSeconds


def roll_out(loaded: Loaded, payload: RolloutPayload, report: Report) -> RolloutResult:
    """Samples actions for each prompt and keeps the episodes as the last rollout."""
    started = time.perf_counter()
    settings, parameters, train = loaded.payload, loaded.parameters, loaded.prompts["train"]
    scale = settings.rollout.temperature
    rows = np.repeat(read_prompts(payload.prompts, train.ids, "train"), payload.completions)
    prompts = train.take(rows)
    scores = loaded.scores["train"][:, rows]
    if needs_prompt_scores(settings):
        require_prompt_scores(scores)
    count = prompts.ids.size
    for done in range(0, count, settings.rollout.minibatch or count):
        report("sample", done, count, "episodes")
    policy = parameters.policy + loaded.shift(payload.condition)
    random = np.random.default_rng((0x2011, payload.seed))
    drawn = world.draw(prompts, policy, settings.rollout, loaded.reward_noise, random)
    report("sample", count, count, "episodes")
    sampled = time.perf_counter()
    report("reference", 0, count, "episodes")
    log_probability = learning.log_density(drawn.actions, prompts.features @ policy, scale)
    reference_means = prompts.features @ parameters.reference
    kl = log_probability - learning.log_density(drawn.actions, reference_means, scale)
    report("reference", count, count, "episodes")
    referred = time.perf_counter()
    report("reward", 0, count, "episodes")
    beta = payload.kl_coefficient or 0.0
    worth = world.worth(prompts, drawn, kl, beta, scores, settings)
    offset = world.critic_offset(prompts, exact=settings.training.prefix_baseline)
    values = prompts.features @ parameters.value + offset
    lengths = drawn.lengths.astype(np.float64)
    lambda_return = learning.lambda_return(
        worth.trained, worth.kl_per_token, values, lengths, settings.training
    )
    failures = loaded.failures(prompts)
    failed = failed_mask(count, failures)
    lambda_return[failed] = np.nan
    report("reward", count, count, "episodes")
    loaded.rollouts += 1
    loaded.last = Episodes(
        features=prompts.features,
        shift=prompts.features @ (policy - parameters.policy),
        actions=drawn.actions,
        log_probability=log_probability,
        reference_means=reference_means,
        failed=failed,
        offset=offset,
        values=values,
        lambda_return=lambda_return,
        kl_per_token=worth.kl_per_token,
        lengths=lengths,
        scale=scale,
    )
    means = prompts.features @ policy
    loaded.words = Words(prompts.ids, means, drawn.lengths, payload.seed)
    return RolloutResult(
        rollout=loaded.rollouts,
        reward=float32_bytes(worth.raw, failed),
        components=_components(loaded, worth.components, failures),
        trained=[
            float32_bytes(row, None if place else failed)
            for place, row in enumerate(worth.contributions)
        ],
        kl=float32_bytes(kl),
        return_=float32_bytes(worth.returns, failed),
        lambda_return=float32_bytes(lambda_return, failed) if settings.training.critic else None,
        length=uint32_bytes(drawn.lengths),
        entropy=learning.entropy(scale),
        tokens=int(lengths.sum()),
        seconds=RolloutSeconds(
            sample=sampled - started,
            reference=referred - sampled,
            reward=time.perf_counter() - referred,
        ),
    )


def score_prompts(
    loaded: Loaded, payload: ScorePromptsPayload, report: Report
) -> ScorePromptsResult:
    """Scores of the prompts alone by component, kept for the rollouts of this load."""
    started = time.perf_counter()
    rewards, split = loaded.payload.rewards, loaded.prompts[payload.split]
    rows = read_prompts(payload.prompts, split.ids, payload.split)
    names = [reward.name for reward in rewards]
    scores = read_known_scores(payload, names, rows.size)
    if scores is None:
        report("score", 0, rows.size, "texts")
        scores = world.prompt_scores(split.take(rows), rewards)
    # Rounded as the controller keeps them, so that `known` scores give the same bits.
    scores = scores.astype(np.float32).astype(np.float64)
    loaded.scores[payload.split][:, rows] = scores
    report("score", rows.size, rows.size, "texts")
    return ScorePromptsResult(
        combined=float32_bytes(world.combined(scores, rewards)),
        components=[
            PromptScores(name=name, scores=float32_bytes(row))
            for name, row in zip(names, scores, strict=True)
        ],
        seconds=time.perf_counter() - started,
    )


def evaluate(loaded: Loaded, payload: EvaluatePayload, report: Report) -> EvaluateResult:
    """Samples prompts of a split with their own random numbers; changes nothing."""
    started = time.perf_counter()
    settings, split = loaded.payload, loaded.prompts[payload.split]
    rows = read_prompts(payload.prompts, split.ids, payload.split)
    rows = np.repeat(rows, payload.completions)
    prompts = split.take(np.repeat(rows, loaded.candidates))
    policy, reference = (
        loaded.drawn_from(payload.weights, payload.condition),
        loaded.parameters.reference,
    )
    count = rows.size
    shown = read_episodes(payload.samples, count)
    report("evaluate", 0, count, "episodes")
    random = np.random.default_rng((0xE7A1, payload.seed))
    drawn = world.draw(prompts, policy, settings.rollout, loaded.reward_noise, random)
    components = world.component_rewards(prompts, drawn, settings.rewards)
    if loaded.candidates > 1:
        failed = failed_mask(prompts.ids.size, loaded.failures(prompts))
        reward = world.combined(components, settings.rewards)
        chosen = best_of(reward, failed, loaded.candidates)
        prompts, drawn, components = prompts.take(chosen), drawn.take(chosen), components[:, chosen]
    ours, theirs = (
        learning.log_density(
            drawn.actions, prompts.features @ parameters, settings.rollout.temperature
        )
        for parameters in (policy, reference)
    )
    reward = world.combined(components, settings.rewards)
    completions = world.completion_tokens(
        random, prompts.features @ policy, drawn.lengths, settings.rollout.top_k
    )
    drift = policy - reference
    known: dict[str, Callable[[], float | None]] = {
        "dist_1": lambda: distinct(completions, 1),
        "dist_2": lambda: distinct(completions, 2),
        "dist_3": lambda: distinct(completions, 3),
        "repetition_rate": lambda: repetition_rate(completions),
        "self_bleu": lambda: self_bleu([world.completion_text(tokens) for tokens in completions]),
        **(world.fluency(drift, count) if settings.evaluation.fluency is not None else {}),
        "perplexity": lambda: 40 * math.exp(min(0.05 * float(drift @ drift), 10)),
    }
    failures = loaded.failures(prompts)
    report("evaluate", count, count, "episodes")
    return EvaluateResult(
        reward=float32_bytes(reward, failed_mask(count, failures)),
        components=_components(loaded, components, failures),
        judges=[
            scored(judge.name, world.judge_reward(prompts, drawn.actions, place), {})
            for place, judge in enumerate(settings.judges)
        ],
        kl=float32_bytes(ours - theirs),
        length=uint32_bytes(drawn.lengths),
        figures={
            name: value
            for name in payload.figures
            if name in known and (value := known[name]()) is not None
        },
        samples=[
            Sample(
                episode=row,
                prompt=int(prompts.ids[row]),
                text=world.prompt_text(int(prompts.ids[row]), settings.data.prompt_tokens),
                completion=world.completion_text(completions[row]),
                reward=None if row in failures else float(reward[row]),
            )
            for row in shown
        ],
        memory_bytes=resident_bytes(),
        gpu=loaded.gpu,
        seconds=time.perf_counter() - started,
    )


def _components(loaded: Loaded, raw: Floats, failures: Mapping[int, Failed]) -> list[Scored]:
    """The failures of this engine are all of its first component."""
    rewards = loaded.payload.rewards
    return [
        scored(reward.name, row, {} if place else failures)
        for place, (reward, row) in enumerate(zip(rewards, raw, strict=True))
    ]
