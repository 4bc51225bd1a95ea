"""The benchmarks run and print one JSON object; their figures are not judged here."""

import json

import pytest
import torch

from averse_bench.__main__ import main


@pytest.mark.parametrize("benchmark", ["update", "step", "sampling"])
def test_a_benchmark_prints_json(benchmark: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        assert main([benchmark, "--batch", "8", "--repeats", "1"]) == 0
    finally:
        torch.use_deterministic_algorithms(False)
    told = json.loads(capsys.readouterr().out)
    assert told["benchmark"] == benchmark
    assert told["batch"] == 8
    ratios = told.get("ratio") or told["times_faster"]
    assert ratios
