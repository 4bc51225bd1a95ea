"""The shipped classifiers, and small made ones: what they score and what they refuse."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

import averse_worker
from averse_worker.data.builtin import GRADES, builtin_prompts
from averse_worker.rewards.builtin.convolution import ConvolutionClassifier
from averse_worker.rewards.builtin.load import Classifier, load_classifier
from averse_worker.rewards.builtin.ngram import NgramClassifier, TokenHasher

ASSETS = Path(averse_worker.__file__).parent / "assets"
KINDS = ("reward", "judge")
PRAISE = "This is a wonderful, moving film with superb acting. I loved every minute of it."
BLAME = "What a terrible, boring waste of time. The acting is awful and the script is worse."


@pytest.fixture(scope="module", params=KINDS)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    return load_classifier(ASSETS / str(request.param))


def test_scores_are_finite_float32_in_the_order_of_the_texts(classifier: Classifier) -> None:
    scores = classifier.score([PRAISE, BLAME, "", PRAISE])
    assert scores.shape == (4,)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert scores[0] == pytest.approx(scores[3], abs=1e-4)
    assert scores[1] < -2 < 2 < scores[0]


def test_no_texts_no_scores(classifier: Classifier) -> None:
    scores = classifier.score([])
    assert scores.shape == (0,)
    assert scores.dtype == np.float32


def test_a_score_does_not_depend_on_the_batch(classifier: Classifier) -> None:
    texts = [prompt.text for prompt in builtin_prompts("test")[:150]] + [PRAISE * 12, "", "no"]
    together = classifier.score(texts)
    alone = np.concatenate([classifier.score([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(classifier.score(texts[::-1])[::-1], together, atol=1e-4)


def test_the_same_prefix_scores_the_same_wherever_it_comes_from(classifier: Classifier) -> None:
    words = PRAISE.split()
    prefixes = [" ".join(words[:n]) for n in range(len(words) + 1)]
    scores = classifier.score(prefixes)
    assert scores[-1] == pytest.approx(classifier.score([PRAISE])[0], abs=1e-4)
    assert len(set(scores.tolist())) > len(words) // 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=6))
def test_any_text_has_a_finite_score(classifier: Classifier, texts: list[str]) -> None:
    scores = classifier.score(texts)
    assert scores.shape == (len(texts),)
    assert np.isfinite(scores).all()


def test_grades_of_the_prompts_are_ordered(classifier: Classifier) -> None:
    prompts = builtin_prompts("test")
    scores = classifier.score([prompt.text for prompt in prompts])
    means = [
        float(scores[[prompt.grade == grade for prompt in prompts]].mean()) for grade in GRADES
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] > 1.5
    assert means[-1] < -2.5


def test_most_furious_prompts_are_in_the_tail_of_the_reward() -> None:
    prompts = [prompt for prompt in builtin_prompts("train") if prompt.grade == "furious"]
    scores = load_classifier(ASSETS / "reward").score([prompt.text for prompt in prompts])
    assert (scores <= -2.5).mean() > 0.8


def test_the_reward_needs_no_torch() -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from averse_worker.rewards.builtin.load import load_classifier;"
        "load_classifier(Path(sys.argv[1])).score(['a good film']);"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(ASSETS / "reward")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.strip() == "False"


def test_repeating_a_sentence_earns_nothing_more_from_the_reward() -> None:
    reward = load_classifier(ASSETS / "reward")
    once, often = reward.score([PRAISE, " ".join([PRAISE] * 5)])
    assert often <= once + 0.5


class TestHasher:
    def test_buckets_are_the_same_on_every_machine(self) -> None:
        rows, buckets = TokenHasher(2**16, 2).features(["A good film!", "", "good"])
        assert rows.tolist() == [0, 0, 0, 0, 0, 0, 0, 2]
        assert buckets.tolist() == [4756, 21628, 26726, 29999, 40958, 45154, 54484, 21628]

    @given(st.lists(st.text(alphabet="ab '!", max_size=30), max_size=5))
    def test_rows_have_the_same_buckets_alone(self, texts: list[str]) -> None:
        hasher = TokenHasher(2**16, 3)
        rows, buckets = hasher.features(texts)
        for i, text in enumerate(texts):
            alone = hasher.features([text])[1]
            assert buckets[rows == i].tolist() == alone.tolist()
            assert len(set(alone.tolist())) == alone.size

    @pytest.mark.parametrize(("buckets", "orders"), [(1000, 2), (1, 2), (2**25, 2), (16, 0)])
    def test_refuses_sizes_it_cannot_hash_to(self, buckets: int, orders: int) -> None:
        with pytest.raises(ValueError, match="expected"):
            TokenHasher(buckets, orders)


def ngram_folder(folder: Path) -> Path:
    folder.mkdir()
    config = {
        "architecture": "averse-ngram",
        "buckets": 64,
        "orders": 2,
        "soften": 1.0,
        "bias": 0.25,
        "scale": 2.0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"weights": np.ones(64, dtype=np.float16)}, folder / "model.safetensors")
    return folder


def test_the_ngram_score_is_its_formula(tmp_path: Path) -> None:
    scores = NgramClassifier.from_folder(ngram_folder(tmp_path / "n")).score(["", "film film"])
    # "film film" has the set {film, film film}: 2 features of weight 1.
    np.testing.assert_allclose(scores, [0.5, 2 * (0.25 + 2 / np.sqrt(3))], rtol=1e-6)


Damage = Callable[[Path], object]


def edit(**changes: object) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return damage


def reshape(change: Callable[[NDArray[np.float16]], NDArray[np.float16]]) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        save_file({name: change(tensor) for name, tensor in load_file(path).items()}, path)

    return damage


@pytest.mark.parametrize(
    ("damage", "file", "said"),
    [
        (lambda f: (f / "config.json").unlink(), "config.json", "expected"),
        (lambda f: (f / "config.json").write_text("{"), "config.json", "expected a JSON object"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json", "expected a JSON object"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors", "expected"),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"no tensors"),
            "model.safetensors",
            "expected a safetensors file",
        ),
        (edit(architecture="averse-other"), "config.json", "averse-other"),
        (edit(buckets=0), "config.json", "buckets is 0, expected a whole number"),
        (edit(buckets=True), "config.json", "buckets is True"),
        (edit(scale="big"), "config.json", "scale is 'big', expected a finite number"),
        (edit(buckets=128), "model.safetensors", "expected (128,)"),
        (reshape(lambda a: a[:5].copy()), "model.safetensors", "shape (5,)"),
        (reshape(lambda a: a * np.float16(np.nan)), "model.safetensors", "not finite"),
        (edit(orders=9), "", "orders is 9, expected"),
    ],
)
def test_a_damaged_folder_is_named(tmp_path: Path, damage: Damage, file: str, said: str) -> None:
    folder = ngram_folder(tmp_path / "damaged")
    damage(folder)
    with pytest.raises(ValueError, match="damaged") as raised:
        load_classifier(folder)
    assert file in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_the_other_kind_is_refused(kind: str) -> None:
    other = ConvolutionClassifier if kind == "reward" else NgramClassifier
    with pytest.raises(ValueError, match="architecture is 'averse-"):
        other.from_folder(ASSETS / kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_folder_is_named(tmp_path: Path, kind: str) -> None:
    of = NgramClassifier if kind == "reward" else ConvolutionClassifier
    with pytest.raises(ValueError, match=r"nowhere: no config\.json"):
        of.from_folder(tmp_path / "nowhere")
