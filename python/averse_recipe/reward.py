"""Training of the reward: NB-weighted logistic regression on hashed n-grams (Wang & Manning 2012).

Trained on whole reviews and on short crops of them at once, so that it is calibrated on both.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from averse_recipe.corpus import Review
from averse_recipe.crops import crop
from averse_worker.rewards.builtin.ngram import ARCHITECTURE, TokenHasher

BUCKETS = 2**18
ORDERS = 3
SOFTEN = 8.0
CROPS = 3


def design(hasher: TokenHasher, texts: Sequence[str]) -> sparse.csr_matrix:
    """Rows of 1/√(|U| + soften) at the n-gram buckets of each text."""
    blocks = []
    for start in range(0, len(texts), 5000):
        part = texts[start : start + 5000]
        rows, buckets = hasher.features(part)
        sizes = np.bincount(rows, minlength=len(part))
        values = (1.0 / np.sqrt(sizes + SOFTEN)).astype(np.float32)[rows]
        blocks.append(
            sparse.csr_matrix((values, (rows, buckets)), shape=(len(part), hasher.buckets))
        )
    return sparse.csr_matrix(sparse.vstack(blocks))


def naive_bayes_ratio(
    hasher: TokenHasher, texts: Sequence[str], positive: NDArray[np.bool_], smoothing: float = 1.0
) -> NDArray[np.float32]:
    """Log ratio of the bucket frequencies of positive to negative texts [buckets]."""
    counts = np.full((2, hasher.buckets), smoothing)
    for start in range(0, len(texts), 5000):
        rows, buckets = hasher.features(texts[start : start + 5000])
        signs = positive[start : start + 5000][rows]
        counts[0] += np.bincount(buckets[~signs], minlength=hasher.buckets)
        counts[1] += np.bincount(buckets[signs], minlength=hasher.buckets)
    shares = counts / counts.sum(axis=1, keepdims=True)
    ratio: NDArray[np.float32] = np.log(shares[1] / shares[0]).astype(np.float32)
    return ratio


def train_reward(
    reviews: Sequence[Review],
    folder: Path,
    seed: int = 0,
    strength: float = 16.0,
    scale: float = 1.0,
) -> None:
    """Trains on labelled reviews and writes the classifier's folder."""
    rng = np.random.default_rng(seed)
    hasher = TokenHasher(BUCKETS, ORDERS)
    whole = [review.text for review in reviews]
    labels = np.array([bool(review.positive) for review in reviews])
    ratio = naive_bayes_ratio(hasher, whole, labels)
    short = [crop(text, rng) for _ in range(CROPS) for text in whole]
    rows = design(hasher, [*whole, *short]) @ sparse.diags(ratio, dtype=np.float32)
    targets = np.concatenate([labels] * (CROPS + 1))
    fit = LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(rows, targets)
    weights = ratio * fit.coef_[0].astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"weights": weights.astype(np.float16)}, folder / "model.safetensors")
    config = {
        "architecture": ARCHITECTURE,
        "buckets": BUCKETS,
        "orders": ORDERS,
        "soften": SOFTEN,
        "bias": round(float(fit.intercept_[0]), 6),
        "scale": scale,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
