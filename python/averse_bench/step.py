"""One training iteration, rollout and update: risk-neutral against the worst 40 % kept."""

from functools import partial
from typing import Any

from averse_bench.setting import Bench, Setting, Times


def measure(setting: Setting) -> dict[str, Any]:
    """Seconds per iteration of each kind, and their ratio."""
    bench = Bench(setting)
    neutral, averse = Times(), Times()
    bench.update(bench.rollout(bench.prompts()), 1.0)
    for _ in range(setting.repeats):
        for share, clock in ((1.0, neutral), (0.4, averse)):
            clock.measure(partial(bench.step, share))
    return {
        "rlhf": neutral.medians(),
        "ra_rlhf_0.4": averse.medians(),
        "ratio": averse.over(neutral),
    }
