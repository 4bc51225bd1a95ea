"""`python -m averse_recipe --data DIR --out DIR [--work DIR] [--only STAGE] [--threads N]`."""

import argparse
import sys
import time
from pathlib import Path


def main() -> int:
    """Parses the command line, then imports what is heavy; returns the exit status."""
    names = ("tokenizer", "language-model", "reward", "judge", "good-texts", "card")
    parser = argparse.ArgumentParser(
        prog="averse_recipe", description="Rebuilds Averse's embedded assets from the data set."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the *.jsonl.xz files")
    parser.add_argument("--out", type=Path, required=True, help="output folder of the assets")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(".averse-recipe"),
        help="folder for checkpoints and logs; an interrupted recipe resumes from it",
    )
    parser.add_argument("--only", choices=names, action="append", help="rerun only this stage")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: %(default)s)")
    arguments = parser.parse_args()

    import torch

    from averse_recipe.stages import Recipe, run_stages

    torch.set_num_threads(arguments.threads)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{(time.monotonic() - began) / 60:6.1f} min] {line}", flush=True)

    for name in arguments.only or ():
        (arguments.work / f"{name}.done").unlink(missing_ok=True)
    recipe = Recipe(arguments.data, arguments.out, arguments.work, say=say)
    run_stages(recipe, list(arguments.only or names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
