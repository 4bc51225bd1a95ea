"""Figures of classifiers, against definitions written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.training.classification import (
    auroc,
    calibration_error,
    multi_label_figures,
    single_label_figures,
)

SCORED = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40)


@given(SCORED)
def test_auroc_counts_pairs_with_ties_half(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 8 for score, _ in rows])
    positive = np.array([label for _, label in rows])
    found = auroc(scores, positive)
    if positive.all() or not positive.any():
        assert found is None
        return
    pairs = [
        1.0 if one > other else 0.5 if one == other else 0.0
        for one in scores[positive]
        for other in scores[~positive]
    ]
    assert found == pytest.approx(np.mean(pairs))


@given(SCORED)
def test_calibration_error_is_the_distance_of_confidence_and_hits(
    rows: list[tuple[int, bool]],
) -> None:
    confidence = np.array([score / 8 for score, _ in rows])
    right = np.array([label for _, label in rows])
    total = 0.0
    for place in range(15):
        inside = [i for i, c in enumerate(confidence) if min(int(c * 15), 14) == place]
        if inside:
            total += len(inside) * abs(confidence[inside].mean() - right[inside].mean())
    assert calibration_error(confidence, right) == pytest.approx(total / len(rows))


def test_a_perfect_classifier() -> None:
    sure = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    figures = single_label_figures(sure, np.array([0, 1, 2]))
    assert figures == {"accuracy": 1.0, "auroc": 1.0, "calibration_error": 0.0}


def test_labels_that_no_row_has_are_left_out_of_the_area() -> None:
    probabilities = np.array([[0.9, 0.2], [0.1, 0.3]])
    labels = np.array([[True, False], [False, False]])
    figures = multi_label_figures(probabilities, labels)
    assert figures["auroc"] == 1.0
    assert figures["accuracy"] == 1.0
    assert "auroc" not in single_label_figures(np.array([[0.5, 0.5]]), np.array([0]))
