"""Thinned progress, with a clock that the test moves."""

import pytest

from averse_worker.wire.errors import Interrupted
from averse_worker.wire.report import ThinnedReport


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def make_report() -> tuple[ThinnedReport, Clock, list[tuple[str, int]]]:
    clock, sent = Clock(), []
    report = ThinnedReport(
        "rollout", lambda phase, done, _total, _unit, _loss: sent.append((phase, done)), clock
    )
    return report, clock, sent


def test_a_busy_phase_sends_ten_a_second_with_first_and_last() -> None:
    report, clock, sent = make_report()
    for done in range(1001):
        report("sample", done, 1000, "episodes")
        clock.now += 0.001
    assert sent[0] == ("sample", 0)
    assert sent[-1] == ("sample", 1000)
    assert 10 <= len(sent) <= 12


def test_phases_that_pass_quickly_are_all_told() -> None:
    report, _, sent = make_report()
    for phase in ("sample", "reference", "reward"):
        report(phase, 0, 2, "episodes")
        report(phase, 1, 2, "episodes")
        report(phase, 2, 2, "episodes")
    assert sent == [(p, d) for p in ("sample", "reference", "reward") for d in (0, 2)]


def test_a_completion_told_again_and_again_goes_out_once() -> None:
    report, _, sent = make_report()
    for _ in range(50):
        report("save", 1, 1, "files")
    assert sent == [("save", 1)]


def test_an_unknown_total_never_counts_as_complete() -> None:
    report, _, sent = make_report()
    for done in range(50):
        report("load", done, 0, "files")
    assert sent == [("load", 0)]


def test_the_phase_is_known_before_its_progress_is_sent() -> None:
    phases: list[str | None] = []
    report = ThinnedReport("load", lambda *_: phases.append(report.phase))
    assert report.phase is None
    report("import", 0, 1, "engine")
    assert phases == ["import"]


def test_an_interrupt_raises_with_the_place_it_was_noticed() -> None:
    report, _, sent = make_report()
    report("sample", 0, 8, "episodes")
    report.interrupt()
    with pytest.raises(Interrupted, match=r"`rollout` .* phase 'sample' at 3 of 8 episodes"):
        report("sample", 3, 8, "episodes")
    assert sent == [("sample", 0)]


def test_the_loss_of_a_training_goes_out_with_its_progress() -> None:
    sent: list[tuple[int, float | None]] = []
    report = ThinnedReport("sft", lambda _p, done, _t, _u, loss: sent.append((done, loss)))
    report("sft", 0, 2, "steps")
    report("sft", 2, 2, "steps", 3.5)
    assert sent == [(0, None), (2, 3.5)]
