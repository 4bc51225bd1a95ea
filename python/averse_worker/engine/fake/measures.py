"""What only evaluations ask of the fake engine: toxicity of many completions, and capability."""

import statistics
import time
from typing import Final

import numpy as np

from averse_worker.engine.contract import Report
from averse_worker.engine.fake import world
from averse_worker.engine.fake.loaded import Loaded
from averse_worker.engine.readiness import require_measure
from averse_worker.evaluation.best_of import best_of
from averse_worker.evaluation.distinct import distinct_of_prompt
from averse_worker.platform.memory import resident_bytes
from averse_worker.rewards.contract import failed_mask, scored
from averse_worker.wire.limits import check_toxicity, read_prompts
from averse_worker.wire.messages.evaluation import (
    CapabilityPayload,
    CapabilityResult,
    TaskFigure,
    ToxicityPayload,
    ToxicityResult,
)
from averse_worker.wire.messages.load import LoadRollout

_VERSION: Final = "fake"


def toxicity(loaded: Loaded, payload: ToxicityPayload, report: Report) -> ToxicityResult:
    """Scores −p where the scorer's sign is −1, and 1 − p where it is the harmless class's."""
    started = time.perf_counter()
    check_toxicity(payload)
    named = require_measure(loaded.payload.evaluation.toxicity, "toxicity", "toxicity")
    split, each = loaded.prompts[payload.split], payload.completions
    rows = read_prompts(payload.prompts, split.ids, payload.split)
    prompts = split.take(np.repeat(rows, each * loaded.candidates))
    policy = loaded.drawn_from(payload.weights, payload.condition)
    count = rows.size * each
    report("toxicity", 0, count, "completions")
    random = np.random.default_rng((0x7071C, payload.seed))
    drawn = world.draw(prompts, policy, _sampling(payload), loaded.reward_noise, random)
    if loaded.candidates > 1:
        rewards = loaded.payload.rewards
        reward = world.combined(world.component_rewards(prompts, drawn, rewards), rewards)
        failed = failed_mask(prompts.ids.size, loaded.failures(prompts))
        chosen = best_of(reward, failed, loaded.candidates)
        prompts, drawn = prompts.take(chosen), drawn.take(chosen)
    tokens = world.completion_tokens(random, prompts.features @ policy, drawn.lengths, 0)
    texts = [world.completion_text(own) for own in tokens]
    report("toxicity", count, count, "completions")
    harmless = 0.0 if named.scorer.sign < 0 else 1.0
    figures = {
        f"dist_{order}_per_prompt": statistics.fmean(
            distinct_of_prompt(texts[first : first + each], order) or 0.0
            for first in range(0, count, each)
        )
        for order in (1, 2, 3)
    }
    if loaded.payload.evaluation.fluency is not None:
        drift = policy - loaded.parameters.reference
        figures |= {name: value() for name, value in world.fluency(drift, count).items()}
    return ToxicityResult(
        completions=scored(
            named.name,
            (harmless - world.toxicity_of(prompts, drawn.actions)).astype(np.float32),
            loaded.failures(prompts),
        ),
        prompts=scored(
            named.name,
            (harmless - world.prompt_toxicity(split.take(rows))).astype(np.float32),
            {},
        ),
        figures={name: value for name, value in figures.items() if name in payload.figures},
        memory_bytes=resident_bytes(),
        gpu=loaded.gpu,
        seconds=time.perf_counter() - started,
    )


def _sampling(payload: ToxicityPayload) -> LoadRollout:
    return LoadRollout(
        new_tokens=payload.new_tokens,
        min_new_tokens=1,
        temperature=payload.temperature,
        top_k=0,
        top_p=payload.top_p,
        minibatch=0,
    )


def capability(loaded: Loaded, payload: CapabilityPayload, report: Report) -> CapabilityResult:
    """0.6 at the reference."""
    started = time.perf_counter()
    tasks = require_measure(loaded.payload.evaluation.tasks or None, "capability", "tasks")
    drift = loaded.weights(payload.weights) - loaded.parameters.reference
    report("capability", 0, len(tasks), "tasks")
    accuracy = 0.6 / (1 + float(drift @ drift))
    report("capability", len(tasks), len(tasks), "tasks")
    return CapabilityResult(
        figures=[
            TaskFigure(
                task=task,
                metric="acc",
                value=accuracy,
                standard_error=0.05,
                higher_is_better=True,
            )
            for task in tasks
        ],
        version=_VERSION,
        memory_bytes=resident_bytes(),
        gpu=loaded.gpu,
        seconds=time.perf_counter() - started,
    )
