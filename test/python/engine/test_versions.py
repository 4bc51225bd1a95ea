"""What the torch engine tells of versions."""

from pathlib import Path

import torch

from averse_worker.engine.torch.load_result import versions
from averse_worker.engine.torch.loaded import Folders
from averse_worker.models.folder import ModelFolder
from averse_worker.rewards.load import ScorerPlace


def test_models_from_the_hub_are_told_by_their_commit(tmp_path: Path) -> None:
    commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
    own = ModelFolder(tmp_path / "mine", "policy.model")
    hub = ModelFolder(tmp_path / "models--a--b" / "snapshots" / commit, "reward.model")
    found = versions(
        Folders(
            policy=own,
            reference=None,
            rewards={"reward": ScorerPlace("reward", hub)},
            judges={},
            toxicity=None,
            fluency=None,
            experts=None,
        )
    )
    assert found["reward.model"] == commit
    assert "policy.model" not in found
    assert found["torch"].startswith(torch.__version__.split("+")[0])
    assert {"python", "averse_worker", "transformers", "trl"} <= set(found)
