"""The check for machines with a GPU, as far as a CPU can run it in seconds; and what it writes."""

from typing import Any

import pytest

from averse_bench.gpu import parity, speed
from averse_bench.gpu.check import Check, main
from averse_bench.gpu.document import BEGIN, END, section, written
from averse_bench.gpu.shapes import tiny_scales

RESULT: dict[str, Any] = {
    "device": "NVIDIA H200",
    "kind": "cuda",
    "tiny": False,
    "date": "2026-11-30",
    "versions": {"torch": "2.13.0"},
    "seconds": 300.4,
    "sections": {
        "waits": {"per_token": 0.125, "per_gradient_step": 0.875},
        "speed gpt2": {
            "setting": {"iterations": 194},
            "parameters": 124_439_808,
            "seconds": {"sample": 0.25, "update": 0.5},
            "seconds_per_iteration": 0.75,
            "minutes_for_all_iterations": 2.43,
            "sampled_tokens_per_second": 24_576,
            "trained_tokens_per_second": 49_152,
            "utilisation": {"sample": 0.05, "update": 0.351},
            "peak_bytes": {"load": 2**30, "update": 3 * 2**30},
        },
        "speed 7b": {"error": "OutOfMemoryError: CUDA out of memory"},
    },
}


def test_a_section_has_the_figures_and_what_failed() -> None:
    text = section(RESULT)
    assert "NVIDIA H200" in text
    assert "No GPU has run it" not in text
    assert "| waits | per token 0.125, per gradient step 0.875 |" in text
    assert "124 M parameters; 0.75 s per iteration (sample 0.25 s, update 0.5 s)" in text
    assert "5.0% and 35.1% of the rate" in text
    assert "peak load 1.00 GiB, update 3.00 GiB; 194 iterations: 2.43 min |" in text
    assert "| speed 7b | error: OutOfMemoryError: CUDA out of memory |" in text


def test_a_cpu_says_that_no_gpu_has_run_it_and_shows_no_speed() -> None:
    text = section(RESULT | {"kind": "cpu", "tiny": True})
    assert "No GPU has run it yet" in text
    assert "| speed gpt2 | ran to its end |" in text


def test_a_page_keeps_what_is_around_the_section() -> None:
    page = f"# Before\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    assert written(page, "new") == f"# Before\n\n{BEGIN}\nnew\n{END}\n\nafter\n"
    with pytest.raises(ValueError, match="once each"):
        written("# A page without markers", "new")


def test_a_section_that_fails_leaves_the_others_alone() -> None:
    check = Check(1000)
    check.run("broken", lambda: 1 / 0)
    check.run("whole", lambda: {"figure": 1})
    assert check.sections["broken"] == {"error": "ZeroDivisionError: division by zero"}
    assert check.sections["whole"] == {"figure": 1}
    assert not check.whole
    late = Check(1)
    late.run("late", lambda: pytest.fail("there is no time for it"))
    assert "skipped" in late.sections["late"]


def test_without_a_gpu_it_says_how_it_can_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main([]) == 1
    assert "--device cpu --tiny" in capsys.readouterr().err


def test_the_paths_of_a_gpu_agree_with_a_cpus() -> None:
    found = parity.sampler_and_update(tiny_scales()[0], "cpu")
    assert found["episodes_alike"] == 1
    assert found["log_prob_difference"] == pytest.approx(0, abs=1e-4)
    assert found["weight_difference"] == pytest.approx(0, abs=1e-4)
    assert found["grad_norm_ratio"] == pytest.approx(1, rel=1e-3)


def test_an_iteration_under_lora_is_measured() -> None:
    found = speed.iterations(tiny_scales()[2], "cpu", 1, 1e12)
    assert set(found["seconds"]) == {"sample", "reference", "reward", "update"}
    assert found["seconds_per_iteration"] > 0
    assert found["minutes_for_all_iterations"] is None
    assert 0 < found["utilisation"]["update"] < 1
