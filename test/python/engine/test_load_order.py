"""What a load tells, and in what order it looks."""

import json
from pathlib import Path
from typing import Any

import pytest

from averse_worker.engine.torch import loading
from averse_worker.engine.torch.engine import TorchEngine
from averse_worker.wire.errors import InputError
from averse_worker.wire.messages.load import LoadPayload, LoadResult
from payloads import classifier, data_source, load_payload
from tiny_models import no_report, write_classifier, write_policy, write_tokenizer


def spoilt_reward(tmp_path: Path) -> dict[str, Any]:
    folder = write_classifier(tmp_path / "reward", "bert", labels=3)
    return {"rewards__0__scorer": classifier(str(folder))}


def spoilt_judge(tmp_path: Path) -> dict[str, Any]:
    folder = write_classifier(tmp_path / "judge", "bert")
    (folder / "model.safetensors").write_bytes(b"")
    return {"judges": [{"name": "judge", "scorer": classifier(str(folder))}]}


def spoilt_reference(tmp_path: Path) -> dict[str, Any]:
    folder = write_policy(tmp_path / "reference", "llama")
    (folder / "tokenizer.json").unlink()
    named = {"model": str(folder), "revision": None, "trust_remote_code": False}
    return {"reference": named}


def spoilt_data(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"text": "fine"}\n')
    (folder / "test.jsonl").write_text('{"text": "\\ud800"}\n')
    return {"data__source": data_source(str(folder))}


@pytest.mark.parametrize(
    ("spoil", "key"),
    [
        (spoilt_reward, "reward.label"),
        (spoilt_judge, "evaluation.judges.0.model"),
        (spoilt_reference, "reference"),
        (spoilt_data, "data.path"),
    ],
)
def test_files_are_looked_at_before_the_weights_of_any_model(
    torch_load: LoadPayload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, key: str
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("weights were read")

    monkeypatch.setattr(loading, "load_policy", never)
    with pytest.raises(InputError) as caught:
        TorchEngine().load(load_payload(torch_load, **spoil(tmp_path)), no_report)
    assert caught.value.key == key


def test_what_the_models_files_ask_for_is_told(torch_load: LoadPayload, tmp_path: Path) -> None:
    policy = write_policy(tmp_path / "policy", "llama")
    write_tokenizer(policy, controls=["<|stop|>"], truncation_side="left")
    generation = {"eos_token_id": [0, 2], "do_sample": True, "temperature": 0.6, "top_p": 0.9}
    (policy / "generation_config.json").write_text(json.dumps(generation))
    reward = write_classifier(tmp_path / "reward", "llama", pad_token_id=7)
    payload = load_payload(
        torch_load,
        policy__model=str(policy),
        rewards__0__scorer=classifier(str(reward)),
        judges=[{"name": "judge", "scorer": classifier(str(reward))}],
    )
    told = TorchEngine().load(payload, no_report).model_settings
    assert told["policy.model"] == {
        "end_tokens": "0 '<|endoftext|>', 2 '<|stop|>'",
        "padding": "1 '<|pad|>'",
        "around_texts": "<|endoftext|>",
        "chat_template": "none",
        "generation": "not used: do_sample True, temperature 0.6, top_p 0.9",
        "truncation": "prompts keep their first tokens (the folder: left)",
    }
    assert told["reward.model"] == {
        "class": "1 'LABEL_1' of 0 'LABEL_0', 1 'LABEL_1'",
        "score": "its logit (no problem_type)",
        "window": "64 tokens",
        "truncation": "texts lose their beginning (the folder: right)",
        "padding": "hidden from the score (config.pad_token_id: 7)",
        "around_texts": "<|endoftext|>",
    }
    assert told["evaluation.judges.0.model"] == told["reward.model"]


CHAT = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    ("truncate", "told"), [(None, "longer prompts are refused"), ("start", "last tokens")]
)
def test_a_chat_template_that_writes_the_prompts_is_told(
    torch_load: LoadPayload, tmp_path: Path, truncate: str | None, told: str
) -> None:
    """And what was fine-tuned, and scored, under one is not taken over under another."""
    policy = write_policy(tmp_path / "policy", "llama")
    write_tokenizer(policy, controls=["<|a|>"], chat_template=CHAT)
    rows = tmp_path / "chats.jsonl"
    turns = [
        [{"role": role, "content": f"film {i}"}, {"role": "assistant", "content": "good"}]
        for i, role in enumerate(["user", "user", "user", "tool"] * 4)
    ]
    rows.write_text("\n".join(json.dumps({"messages": one}) for one in turns), encoding="utf-8")
    template = tmp_path / "chat.jinja"

    def load(setting: str, written: str = CHAT) -> LoadResult:
        template.write_text(written, encoding="utf-8")
        source = data_source(str(rows), template=setting, truncate=truncate)
        payload = load_payload(torch_load, policy__model=str(policy), data__source=source)
        return TorchEngine().load(payload, no_report)

    own = load("auto")
    settings = own.model_settings["policy.model"]
    assert settings["chat_template"] == "that of policy.model"
    assert told in settings["truncation"]
    first, second = load(str(template)), load(str(template), f"[{CHAT}")
    assert first.model_settings["policy.model"]["chat_template"] == f"that of {template}"
    assert len({own.sft_digest, first.sft_digest, second.sft_digest}) == 3
    scores = first.train.scores_digest
    assert scores is not None
    rows.write_text(rows.read_text().replace('"tool"', '"user"'), encoding="utf-8")
    assert load(str(template)).train.scores_digest != scores


@pytest.mark.parametrize("place", ["reward", "judge"])
def test_completions_that_a_scorer_cannot_read_are_refused_where_that_is_known(
    torch_load: LoadPayload, tmp_path: Path, place: str
) -> None:
    folder = write_classifier(tmp_path / "scorer", "bert")
    write_tokenizer(folder, model_max_length=7)
    named = classifier(str(folder))
    scorers: dict[str, Any] = {"rewards__0__scorer": named}
    if place == "judge":
        scorers = {"judges": [{"name": "judge", "scorer": named}]}

    def load(new_tokens: int) -> None:
        changes = scorers | {"rollout__new_tokens": new_tokens}
        TorchEngine().load(load_payload(torch_load, **changes), no_report)

    load(6)
    with pytest.raises(
        InputError, match=r"reads at most 6 tokens .*new_tokens is 7; set"
    ) as caught:
        load(7)
    assert caught.value.key == "rollout.new_tokens"
    # In another vocabulary seven tokens may be five.
    write_tokenizer(folder, controls=["<|turn|>"], model_max_length=7)
    load(7)
