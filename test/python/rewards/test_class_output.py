"""What becomes of a classifier's logits, against NumPy on the model's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from averse_worker.models.folder import ModelFolder
from averse_worker.platform.device import Device
from averse_worker.rewards.classifier import load_reward
from averse_worker.wire.errors import InputError
from tiny_models import write_classifier

CPU = Device(torch.device("cpu"), torch.float32)
TEXTS = ["a good film", "the plot was dull and the actor left", "it", ""]


def logits_of(folder: Path) -> NDArray[np.float64]:
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in TEXTS:
        with torch.no_grad():
            rows.append(model(**tokenizer(text, return_tensors="pt")).logits[0].double().numpy())
    return np.stack(rows)


def softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return found


CASES: list[tuple[str, int, dict[str, Any], list[int], str, Any]] = [
    ("two classes, the second", 2, {}, [], "logit", lambda z: z[:, 1]),
    ("two classes, margin", 2, {}, [], "margin", lambda z: z[:, 1] - z[:, 0]),
    ("two classes, probability", 2, {}, [0], "probability", lambda z: softmax(z)[:, 0]),
    ("three labels, one", 3, {}, [0], "logit", lambda z: z[:, 0]),
    ("three labels, margin", 3, {}, [2, 0], "margin", lambda z: z[:, 2] - z[:, 0]),
    ("three labels, max of two", 3, {}, [1, 2], "max", lambda z: z[:, 1:].max(axis=1)),
    ("three labels, probability", 3, {}, [1], "probability", lambda z: softmax(z)[:, 1]),
    ("logsumexp", 3, {}, [0, 1], "logsumexp", lambda z: np.log(np.exp(z[:, :2]).sum(axis=1))),
    (
        "a multi-label head",
        6,
        {"problem_type": "multi_label_classification"},
        [4],
        "probability",
        lambda z: 1 / (1 + np.exp(-z[:, 4])),
    ),
    ("a single logit", 1, {}, [], "probability", lambda z: 1 / (1 + np.exp(-z[:, 0]))),
    ("a single logit as it is", 1, {}, [], "logit", lambda z: z[:, 0]),
]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("case", "labels", "settings", "chosen", "output", "expected"), CASES)
def test_each_output_is_numpys(
    case: str,
    labels: int,
    settings: dict[str, Any],
    chosen: list[int],
    output: Any,
    expected: Any,
    sign: int,
    tmp_path: Path,
) -> None:
    folder = write_classifier(tmp_path, "bert", labels=labels, **settings)
    names = [f"LABEL_{i}" for i in chosen]
    model = load_reward(ModelFolder(folder, "reward.model"), names, sign, CPU, output)
    found = model.score(TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, sign * expected(logits_of(folder)), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("labels", "chosen", "output", "told"),
    [
        (3, [], "probability", r"set reward\.label to those to score"),
        (3, [], "max", r"has 3 classes"),
        (3, [], "margin", r"set reward\.label to the two to compare"),
        (1, [], "margin", "use the output logit"),
        (3, ["LABEL_0"], "margin", "name two in reward.label"),
        (3, ["LABEL_0", "LABEL_1"], "logit", "of one label, but 2 are named"),
        (3, ["LABEL_0", "LABEL_9"], "max", "no label 'LABEL_9'; its labels are 'LABEL_0'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    labels: int, chosen: list[str], output: Any, told: str, tmp_path: Path
) -> None:
    folder = ModelFolder(write_classifier(tmp_path, "bert", labels=labels), "reward.model")
    with pytest.raises(InputError, match=told) as error:
        load_reward(folder, chosen, 1, CPU, output)
    assert error.value.key == "reward.label"
