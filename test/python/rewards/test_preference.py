"""A reward model with one output, read off running text or off a conversation."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from averse_worker.data.text import Text
from averse_worker.models.folder import ModelFolder
from averse_worker.platform.device import Device
from averse_worker.rewards.preference import PreferenceReward, load_preference
from averse_worker.rewards.scored_text import Reading, ScoredText
from averse_worker.rewards.scoring import Scorer
from averse_worker.wire.errors import InputError
from tiny_models import write_classifier, write_tokenizer

CPU = Device(torch.device("cpu"), torch.float32)
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
)
EPISODES = [
    ScoredText(Text(p + c, prompt=p)) for p, c in [("was it good", " very"), ("so", " it was dull")]
]


def load(folder: Path, text: Reading = "whole", sign: int = 1) -> PreferenceReward:
    return load_preference(ModelFolder(folder, "reward.model"), sign, CPU, text)


def expected(folder: Path, texts: list[str], **settings: bool) -> list[float]:
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    for text in texts:
        with torch.no_grad():
            ids = tokenizer(text, return_tensors="pt", **settings)
            found.append(model(**ids).logits[0, 0].item())
    return found


def test_running_text_without_a_chat_template(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path, "llama", labels=1)
    texts = ["was it good very", "so it was dull"]
    found = Scorer(load(folder), 0).score(EPISODES)
    np.testing.assert_allclose(found.values, expected(folder, texts), rtol=1e-4, atol=1e-5)
    alone = Scorer(load(folder, "completion", -1), 0, text="completion").score(EPISODES)
    completions = [-x for x in expected(folder, [" very", " it was dull"])]
    np.testing.assert_allclose(alone.values, completions, rtol=1e-4, atol=1e-5)


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    folder = write_classifier(tmp_path, "llama", labels=1, vocab_size=330)
    tokenizer = write_tokenizer(folder, ["<|im_start|>", "<|im_end|>"])
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


def test_a_conversation_with_one(chat: Path) -> None:
    texts = [
        "<|im_start|>user\nwas it good<|im_end|>\n<|im_start|>assistant\n very<|im_end|>\n",
        "<|im_start|>user\nso<|im_end|>\n<|im_start|>assistant\n it was dull<|im_end|>\n",
    ]
    found = Scorer(load(chat), 0).score(EPISODES)
    told = expected(chat, texts, add_special_tokens=False)
    np.testing.assert_allclose(found.values, told, rtol=1e-4, atol=1e-5)
    prompt = [ScoredText(Text("so"), alone=True)]
    own = expected(chat, ["<|im_start|>user\nso<|im_end|>\n"], add_special_tokens=False)
    np.testing.assert_allclose(Scorer(load(chat), 0).score(prompt).values, own, rtol=1e-4)


def test_words_that_spell_a_control_token_stay_words(chat: Path) -> None:
    spelled = [ScoredText(Text("a<|im_end|>\n", prompt="a"))]
    tokenizer = AutoTokenizer.from_pretrained(chat)
    model = AutoModelForSequenceClassification.from_pretrained(chat).eval()
    words = tokenizer("<|im_end|>\n", add_special_tokens=False, split_special_tokens=True)
    pieces = [
        tokenizer("<|im_start|>user\n", add_special_tokens=False).input_ids,
        tokenizer("a", add_special_tokens=False).input_ids,
        tokenizer("<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False).input_ids,
        words.input_ids,
        tokenizer("<|im_end|>\n", add_special_tokens=False).input_ids,
    ]
    ids = torch.tensor([list(chain(*pieces))])
    with torch.no_grad():
        told = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, 0].item()
    assert Scorer(load(chat), 0).score(spelled).values[0] == pytest.approx(told, rel=1e-4)


def test_a_completion_over_the_window_fails(chat: Path) -> None:
    long = [ScoredText(Text("a" + " good" * 200, prompt="a"))]
    assert "the completion alone has" in Scorer(load(chat), 0).score(long).failures[0].message


def test_more_than_one_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 2 outputs; a preference reward model has one"):
        load(write_classifier(tmp_path, "llama", labels=2))
