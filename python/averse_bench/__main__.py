"""`python -m averse_bench {update,step,sampling,launches,trl,trl_engine}` prints one JSON object.

All on the built-in model at quickstart sizes (32 + 24 tokens), on one thread of the CPU. Figures
are medians; ratios are of figures from the same run. `cpu_seconds` is the time that this process
had the processor: with one thread it is the wall time of a machine that does nothing else.
"""

import argparse
import json
import sys

from averse_bench import launches, sampling, step, trl, trl_engine, update
from averse_bench.setting import Setting

BENCHMARKS = {
    "update": (
        update.measure,
        "update time with 100, 40, 20 % of the episodes kept, and with a KL loss",
    ),
    "step": (step.measure, "rollout and update: risk-neutral against 40 % kept"),
    "sampling": (sampling.measure, "tokens per second against transformers' generate"),
    "launches": (launches.measure, "operations and host syncs per token and per gradient step"),
    "trl": (trl.measure, "episodes per second against TRL's GRPO and RLOO trainers"),
    "trl_engine": (trl_engine.measure, "the trl engine against TRL's trainers alone, in turn"),
}


def main(argv: list[str]) -> int:
    """Runs one benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="averse_bench", description=__doc__)
    commands = parser.add_subparsers(dest="benchmark", required=True)
    for name, (_, text) in BENCHMARKS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--batch", type=int, default=128 if name == "sampling" else 64)
        command.add_argument("--repeats", type=int, default=5)
        command.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    arguments = parser.parse_args(argv)
    setting = Setting(arguments.batch, arguments.repeats, arguments.dtype)
    result = BENCHMARKS[arguments.benchmark][0](setting)
    print(json.dumps({"benchmark": arguments.benchmark, **setting.summary(), **result}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
