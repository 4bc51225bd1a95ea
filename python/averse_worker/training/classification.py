"""How good a classifier is on held-out rows: accuracy, AUROC, calibration."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BINS: Final = 15


def single_label_figures(probabilities: Floats, classes: NDArray[np.intp]) -> dict[str, float]:
    """Of a classifier that gives each row one class.

    Args:
        probabilities: [N, K], each row of sum 1.
        classes: [N], the right ones.
    """
    said = probabilities.argmax(1)
    right = said == classes
    figures = {
        "accuracy": float(right.mean()),
        "calibration_error": calibration_error(probabilities.max(1), right),
    }
    each = [auroc(probabilities[:, k], classes == k) for k in range(probabilities.shape[1])]
    return figures | _mean_auroc(each)


def multi_label_figures(probabilities: Floats, labels: NDArray[np.bool_]) -> dict[str, float]:
    """Of a classifier that says of each label whether a row has it.

    Args:
        probabilities: [N, K], of each label by itself.
        labels: [N, K]; accuracy is over all of these.
    """
    figures = {
        "accuracy": float(((probabilities >= 0.5) == labels).mean()),
        "calibration_error": calibration_error(probabilities.ravel(), labels.ravel()),
    }
    return figures | _mean_auroc(
        [auroc(probabilities[:, k], labels[:, k]) for k in range(labels.shape[1])]
    )


def auroc(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """Probability that a positive row scores higher than a negative one, ties counted half.

    None where there are no rows of one of the two.
    """
    count, others = int(positive.sum()), int((~positive).sum())
    if count == 0 or others == 0:
        return None
    _, inverse, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ends = sizes.cumsum()
    ranks = (ends - (sizes - 1) / 2)[inverse]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def calibration_error(confidence: Floats, right: NDArray[np.bool_]) -> float:
    """Expected calibration error in 15 bins of equal width (Guo et al. 2017, eq. 5): mean distance
    between how sure and how often right, weighted by the rows of a bin."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    total = 0.0
    for place in range(_BINS):
        inside = bins == place
        if inside.any():
            total += inside.sum() * abs(float(right[inside].mean() - confidence[inside].mean()))
    return float(total / len(confidence))


def _mean_auroc(each: list[float | None]) -> dict[str, float]:
    known = [value for value in each if value is not None]
    return {"auroc": float(np.mean(known))} if known else {}
