"""A rollout of the fake engine: one action a prompt, its return, and what the update needs."""

import time

import numpy as np

from averse_worker.engine import Report
from averse_worker.engines import fake_learning, fake_sampling, fake_world
from averse_worker.engines.fake_learning import Episodes
from averse_worker.engines.fake_loaded import Loaded
from averse_worker.engines.fake_texts import Words
from averse_worker.limits import read_prompts
from averse_worker.messages import (
    RolloutPayload,
    RolloutResult,
    RolloutSeconds,
    float32_bytes,
    uint32_bytes,
)
from averse_worker.scores import failed_mask, told


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
    drawn = fake_sampling.draw(prompts, parameters.policy, settings.rollout, random)
    report("sample", count, count, "episodes")
    sampled = time.perf_counter()
    report("reference", 0, count, "episodes")
    log_probability = fake_learning.log_density(
        drawn.actions, prompts.features @ parameters.policy, scale
    )
    kl = log_probability - fake_learning.log_density(
        drawn.actions, prompts.features @ parameters.reference, scale
    )
    report("reference", count, count, "episodes")
    referred = time.perf_counter()
    report("reward", 0, count, "episodes")
    worth = fake_sampling.worth(prompts, drawn, kl, payload.kl_coefficient, settings)
    offset = fake_world.critic_offset(prompts, exact=settings.training.prefix_baseline)
    values = prompts.features @ parameters.value + offset
    lengths = drawn.lengths.astype(np.float64)
    lambda_return = fake_learning.lambda_return(
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
        entropy=fake_learning.entropy(scale),
        tokens=int(lengths.sum()),
        seconds=RolloutSeconds(
            sample=sampled - started,
            reference=referred - sampled,
            reward=time.perf_counter() - referred,
        ),
    )
