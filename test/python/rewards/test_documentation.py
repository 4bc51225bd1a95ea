"""The examples of docs/rewards.md run as they stand."""

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from averse_worker.data.text import Text
from averse_worker.rewards.function import FunctionReward, load_function
from averse_worker.rewards.remote import load_remote
from averse_worker.rewards.scored_text import ScoredText
from averse_worker.rewards.scoring import Scorer
from averse_worker.wire.messages.load import HttpScorer

PAGE = Path(__file__).parents[3] / "docs" / "rewards.md"
EPISODES = [ScoredText(Text("a" + c, prompt="a")) for c in (" b c", "", " wow!!")]


def example(name: str, folder: Path) -> Path:
    [code] = re.findall(rf"```python\n# {re.escape(name)}\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    file = folder / name
    file.write_text(code, encoding="utf-8")
    return file


def test_the_function(tmp_path: Path) -> None:
    function, _ = load_function(f"{example('my_reward.py', tmp_path)}:brief", "reward.function")
    found = FunctionReward(function, "brief", "completion", 1).score_pairs(EPISODES)
    assert found.values[[0, 2]].tolist() == pytest.approx([-10 / 12, -11 / 12])
    assert list(found.failures) == [1]


def test_the_server(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(example("server.py", tmp_path)), str(port)])
    try:
        settings = HttpScorer(
            url=f"http://127.0.0.1:{port}/score",
            token_env=None,
            retries=6,
            allow_insecure=False,
            format="averse",
            text="whole",
            sign=1,
            timeout_seconds=10,
        )
        deadline = time.monotonic() + 30
        # The server starts while the first attempts are refused: the retries are for that.
        scorer = Scorer(load_remote(settings, "reward"), 10, retries=6)
        found = scorer.score(EPISODES)
        assert time.monotonic() < deadline
        assert found.values.tolist() == [0, 0, -2]
    finally:
        server.terminate()
        server.wait(10)
