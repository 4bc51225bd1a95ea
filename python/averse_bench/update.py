"""Update time against the fraction of episodes kept (those of weight zero should be free), and what
a KL loss on all episodes adds to the full one."""

from functools import partial
from typing import Any, Final

from averse_bench.setting import Bench, Setting, Times
from averse_worker.wire.messages.training import KlForm

FULL: Final = "100%"
CASES: Final[dict[str, tuple[float, KlForm | None]]] = {
    FULL: (1.0, None),
    "40%": (0.4, None),
    "20%": (0.2, None),
    "100% and exact KL": (1.0, "exact"),
    "100% and k3": (1.0, "k3"),
}


def measure(setting: Setting) -> dict[str, Any]:
    """Seconds per update in each case, and the ratios to a full update."""
    bench = Bench(setting)
    times = {case: Times() for case in CASES}
    for kept, kl in CASES.values():  # first calls compile kernels
        bench.update(bench.rollout(bench.prompts()), kept, kl)
    for _ in range(setting.repeats):
        rollout = bench.rollout(bench.prompts())
        for case, (kept, kl) in CASES.items():
            times[case].measure(partial(bench.update, rollout, kept, kl))
    return {
        "update": {case: clock.medians() for case, clock in times.items()},
        "ratio": {case: clock.over(times[FULL]) for case, clock in times.items()},
    }
