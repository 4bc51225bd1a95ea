"""Dist-n against counts by hand."""

import pytest

from averse_worker.evaluation.distinct import distinct


def test_distinct_counts_by_hand() -> None:
    completions = [[1, 2, 1, 2], [1, 2], [3]]
    assert distinct(completions, 1) == pytest.approx(3 / 7)
    assert distinct(completions, 2) == pytest.approx(2 / 4)
    assert distinct(completions, 3) == pytest.approx(2 / 2)
    assert distinct([[1], []], 2) == 0
    assert distinct([], 1) == 0
