"""Update time against the share of episodes kept: episodes of weight zero should be free."""

from functools import partial
from typing import Any

from averse_bench.setting import Bench, Setting, Times

SHARES = (1.0, 0.4, 0.2)


def measure(setting: Setting) -> dict[str, Any]:
    """Seconds of an update at each share, and their ratios to the full one."""
    bench = Bench(setting)
    times = {share: Times() for share in SHARES}
    bench.update(bench.rollout(bench.prompts()), 1.0)  # first calls compile kernels
    for _ in range(setting.repeats):
        rollout = bench.rollout(bench.prompts())
        for share, clock in times.items():
            clock.measure(partial(bench.update, rollout, share))
    return {
        "update": {f"{share:.0%}": clock.told() for share, clock in times.items()},
        "ratio": {f"{share:.0%}": clock.over(times[1.0]) for share, clock in times.items()},
    }
