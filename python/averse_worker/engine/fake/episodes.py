"""Rollouts and evaluations of the fake engine: one action a prompt, its return, and its texts."""

import math
import time

import numpy as np

from averse_worker.engine.contract import Report
from averse_worker.engine.fake import learning, world
from averse_worker.engine.fake.learning import Episodes
from averse_worker.engine.fake.loaded import Loaded
from averse_worker.engine.fake.world import Words
from averse_worker.evaluation.distinct import distinct
from averse_worker.platform.memory import resident_bytes
from averse_worker.rewards.contract import failed_mask, told
from averse_worker.wire.limits import read_prompts
from averse_worker.wire.messages.base import float32_bytes, uint32_bytes
from averse_worker.wire.messages.evaluation import EvaluatePayload, EvaluateResult, Sample
from averse_worker.wire.messages.training import RolloutPayload, RolloutResult, RolloutSeconds


def roll_out(loaded: Loaded, payload: RolloutPayload, report: Report) -> RolloutResult:
    """Samples one action a prompt and keeps the episodes as the last rollout."""
    started = time.perf_counter()
    settings, parameters, train = loaded.payload, loaded.parameters, loaded.prompts["train"]
    scale = settings.rollout.temperature
    prompts = train.take(read_prompts(payload.prompts, train.ids, "train"))
    count = prompts.ids.size
    for done in range(0, count, settings.rollout.minibatch or count):
        report("sample", done, count, "episodes")
    random = np.random.default_rng((0x2011, payload.seed))
    drawn = world.draw(prompts, parameters.policy, settings.rollout, random)
    report("sample", count, count, "episodes")
    sampled = time.perf_counter()
    report("reference", 0, count, "episodes")
    log_probability = learning.log_density(
        drawn.actions, prompts.features @ parameters.policy, scale
    )
    kl = log_probability - learning.log_density(
        drawn.actions, prompts.features @ parameters.reference, scale
    )
    report("reference", count, count, "episodes")
    referred = time.perf_counter()
    report("reward", 0, count, "episodes")
    worth = world.worth(prompts, drawn, kl, payload.kl_coefficient, settings)
    offset = world.critic_offset(prompts, exact=settings.training.prefix_baseline)
    values = prompts.features @ parameters.value + offset
    lengths = drawn.lengths.astype(np.float64)
    lambda_return = learning.lambda_return(
        worth.trained, worth.kl_a_token, values, lengths, settings.training
    )
    failures = loaded.failures(prompts)
    failed = failed_mask(count, failures)
    lambda_return[failed] = np.nan
    report("reward", count, count, "episodes")
    loaded.rollouts += 1
    loaded.last = Episodes(
        features=prompts.features,
        offset=offset,
        actions=drawn.actions,
        log_probability=log_probability,
        values=values,
        lambda_return=lambda_return,
        lengths=lengths,
        scale=scale,
    )
    means = prompts.features @ parameters.policy
    loaded.words = Words(prompts.ids, means, drawn.lengths, payload.seed)
    return RolloutResult(
        rollout=loaded.rollouts,
        reward=float32_bytes(worth.raw, failed),
        kl=float32_bytes(kl),
        return_=float32_bytes(worth.returns, failed),
        lambda_return=float32_bytes(lambda_return, failed),
        length=uint32_bytes(drawn.lengths),
        failures=told(failures),
        entropy=learning.entropy(scale),
        tokens=int(lengths.sum()),
        seconds=RolloutSeconds(
            sample=sampled - started,
            reference=referred - sampled,
            reward=time.perf_counter() - referred,
        ),
    )


def evaluate(loaded: Loaded, payload: EvaluatePayload, report: Report) -> EvaluateResult:
    """Samples prompts of a split with their own random numbers; changes nothing."""
    started = time.perf_counter()
    settings, split = loaded.payload, loaded.prompts[payload.split]
    prompts = split.take(read_prompts(payload.prompts, split.ids, payload.split))
    policy, reference = loaded.weights(payload.weights), loaded.parameters.reference
    count = prompts.ids.size
    report("evaluate", 0, count, "episodes")
    random = np.random.default_rng((0xE7A1, payload.seed))
    drawn = world.draw(prompts, policy, settings.rollout, random)
    ours, theirs = (
        learning.log_density(
            drawn.actions, prompts.features @ parameters, settings.rollout.temperature
        )
        for parameters in (policy, reference)
    )
    reward = world.raw_reward(prompts, drawn.actions, drawn.noise)
    completions = world.completion_tokens(
        random, prompts.features @ policy, drawn.lengths, settings.rollout.top_k
    )
    by_score = np.argsort(prompts.scores, kind="stable")
    shown = by_score[np.linspace(0, count - 1, min(payload.samples, count)).astype(np.intp)]
    drift = policy - reference
    failures = loaded.failures(prompts)
    report("evaluate", count, count, "episodes")
    return EvaluateResult(
        reward=float32_bytes(reward, failed_mask(count, failures)),
        judge=None
        if settings.judge is None
        else float32_bytes(world.judge_reward(prompts, drawn.actions)),
        kl=float32_bytes(ours - theirs),
        length=uint32_bytes(drawn.lengths),
        failures=told(failures),
        judge_failures=[],
        dist_1=distinct(completions, 1),
        dist_2=distinct(completions, 2),
        dist_3=distinct(completions, 3),
        perplexity=40 * math.exp(min(0.05 * float(drift @ drift), 10))
        if payload.perplexity
        else None,
        samples=[
            Sample(
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
