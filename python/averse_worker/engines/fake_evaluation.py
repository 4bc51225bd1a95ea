"""An evaluation of the fake engine: rewards, texts and drift on prompts of a split."""

import math
import time

import numpy as np

from averse_worker.distinct import distinct
from averse_worker.engine import Report
from averse_worker.engines import fake_learning, fake_sampling, fake_world
from averse_worker.engines.fake_loaded import Loaded
from averse_worker.limits import read_prompts
from averse_worker.memory import resident_bytes
from averse_worker.messages import (
    EvaluatePayload,
    EvaluateResult,
    Sample,
    float32_bytes,
    uint32_bytes,
)
from averse_worker.scores import failed_mask, told


def evaluate(loaded: Loaded, payload: EvaluatePayload, report: Report) -> EvaluateResult:
    """Samples prompts of a split with their own random numbers; changes nothing."""
    started = time.perf_counter()
    settings, split = loaded.payload, loaded.prompts[payload.split]
    prompts = split.take(read_prompts(payload.prompts, split.ids, payload.split))
    policy, reference = loaded.weights(payload.weights), loaded.parameters.reference
    count = prompts.ids.size
    report("evaluate", 0, count, "episodes")
    random = np.random.default_rng((0xE7A1, payload.seed))
    drawn = fake_sampling.draw(prompts, policy, settings.rollout, random)
    ours, theirs = (
        fake_learning.log_density(
            drawn.actions, prompts.features @ parameters, settings.rollout.temperature
        )
        for parameters in (policy, reference)
    )
    reward = fake_world.raw_reward(prompts, drawn.actions, drawn.noise)
    completions = fake_world.completion_tokens(
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
        else float32_bytes(fake_world.judge_reward(prompts, drawn.actions)),
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
                text=fake_world.prompt_text(int(prompts.ids[row]), settings.data.prompt_tokens),
                completion=fake_world.completion_text(completions[row]),
                reward=None if row in failures else float(reward[row]),
            )
            for row in shown
        ],
        memory_bytes=resident_bytes(),
        gpu=loaded.gpu,
        seconds=time.perf_counter() - started,
    )
