"""Run folders with a journal, as a controller writes them."""

import json
from pathlib import Path
from typing import Any, Final

CONFIG: Final[dict[str, Any]] = {
    "name": "tails",
    "risk": {"alpha": 0.2},
    "evaluation": {"every": 2},
    "arms": {
        "rlhf": {"risk": {"alpha": 1.0}, "training": {"iterations": 4}},
        "ra-rlhf": {"training": {"iterations": 4}},
    },
}


def write_run(folder: Path, events: list[dict[str, Any]]) -> Path:
    """A run folder of that name, its journal with these events."""
    folder.mkdir(parents=True)
    manifest = {"started": "2026-11-30T10:00:00.000Z", "config": CONFIG}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "journal.jsonl").write_text("")
    add_events(folder, events)
    return folder


def add_events(run: Path, events: list[dict[str, Any]]) -> None:
    """Appends them, numbered on."""
    journal = run / "journal.jsonl"
    before = journal.read_bytes().count(b"\n")
    with journal.open("a") as file:
        for at, event in enumerate(events, start=before + 1):
            time = f"2026-11-30T10:00:{at % 60:02d}.000Z"
            file.write(json.dumps({"seq": at, "time": time, **event, "checksum": "0" * 32}) + "\n")


def step(done: int, trial: str = "ra-rlhf-s0", **more: Any) -> dict[str, Any]:
    """Iteration `done`, counted from 1."""
    return {
        "trial": trial,
        "type": "step",
        "step": done - 1,
        "reward_mean": done / 10,
        "entropy": None,
        "seconds": {"total": 1.5},
        "gpu": None,
        "memory": {"measure": {"x": 1}},
        "episodes": {
            "prompt": [7, 8, 9],
            "reward": [0.5, None, -3.0],
            "kl": [0.1, 0.2, 0.3],
            "return": [0.4, None, -3.5],
            "length": [4, 5, 6],
            "weight": [1, 0, 1],
        },
        **more,
    }


def evaluated(done: int, trial: str = "ra-rlhf-s0", final: bool = False) -> dict[str, Any]:
    """After iteration `done`."""
    return {
        "trial": trial,
        "type": "evaluated",
        "step": done,
        "final": final,
        "weights": "current",
        "compute": 10,
        "failed": 0,
        "metrics": {"tail_reward": -1.5},
        "arrays": {
            "prompt": [1, 2],
            "prompt_score": [0.0, -1.0],
            "reward": [2.0, -4.0],
            "judge": None,
            "kl": [0.0, 0.5],
            "length": [3, 4],
        },
        "samples": None,
    }


def finished(trial: str = "ra-rlhf-s0") -> dict[str, Any]:
    """The trial's end."""
    return {"trial": trial, "type": "trial_finished", "seconds": 9.0}


WHOLE: Final = [
    {"trial": None, "type": "run_started", "name": "tails"},
    {
        "trial": "ra-rlhf-s0",
        "type": "sft_finished",
        "curve": [
            {"step": 5, "loss": 3.0, "held_out": 3.1, "learning_rate": 0.1},
            {"step": 10, "loss": 2.0, "held_out": None, "learning_rate": 0.1},
        ],
    },
    *[event for done in (1, 2, 3, 4) for event in (step(done), step(done, "rlhf-s0"))],
    evaluated(4, final=True),
    finished(),
    evaluated(4, "rlhf-s0", final=True),
    finished("rlhf-s0"),
    {"trial": None, "type": "run_finished", "outcome": "done"},
]
"""A run of two trials with everything that is sent."""
