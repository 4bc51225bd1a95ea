"""Folders that no model can honestly be loaded from, refused alike as policy, reference, reward and
judge: in one sentence, with the folder and the config key."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
import transformers
from safetensors.torch import load_file, save_file

from averse_worker.data.text import read_tokens
from averse_worker.data.tokenise import encode
from averse_worker.models import declared
from averse_worker.models.folder import ModelFolder
from averse_worker.platform.device import Device
from averse_worker.rewards.classifier import load_reward
from averse_worker.wire.errors import InputError, MissingEnvironment, WorkerError
from tiny_models import WORDS, make_policy, write_classifier, write_policy, write_tokenizer

CPU = Device(torch.device("cpu"), torch.float32)
KEYS = ["policy.model", "reference", "reward.model", "evaluation.judges.0.model"]


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_policy(tmp_path_factory.mktemp("whole") / "policy", "llama")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("whole") / "classifier", "llama")


@pytest.fixture(params=KEYS)
def role(
    request: pytest.FixtureRequest, language_model: Path, classifier: Path, tmp_path: Path
) -> tuple[str, Path, Callable[[], object]]:
    """A config key, a whole model to spoil, and what loads the folder under that key."""
    key, folder = request.param, tmp_path / "spoilt"
    scores = key in ("reward.model", "evaluation.judges.0.model")
    shutil.copytree(classifier if scores else language_model, folder)

    def load() -> object:
        if scores:
            return load_reward(ModelFolder(folder, key), (), 1, CPU)
        return make_policy(folder) if key == "policy.model" else make_policy(language_model, folder)

    return key, folder, load


def refused(load: Callable[[], object], folder: Path) -> WorkerError:
    with pytest.raises(WorkerError) as caught:
        load()
    error = caught.value
    assert str(folder) in error.message
    assert "\n" not in error.message
    assert len(error.message) < 500 + len(str(folder))
    return error


def change(folder: Path, name: str, **keys: Any) -> None:
    file = folder / name
    found = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(found | keys))


def drop_tensors(folder: Path, pattern: str) -> None:
    file = folder / "model.safetensors"
    kept = {k: v for k, v in load_file(file).items() if not re.search(pattern, k)}
    save_file(kept, file, metadata={"format": "pt"})


def keep_special_tokens_only(folder: Path) -> None:
    """What transformers makes of a folder whose vocabulary was left behind."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"] |= {"vocab": {"<|endoftext|>": 0, "<|pad|>": 1}, "merges": []}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def leave_only_the_tokenizers_config(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-64])


def no_safetensors(folder: Path) -> None:
    file = folder / "model.safetensors"
    torch.save(load_file(file), folder / "pytorch_model.bin")
    file.unlink()


def lost_shard(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    shard = "model-00001-of-00002.safetensors"
    change(folder, "model.safetensors.index.json", weight_map={"a": shard})


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "an adapter": (
        lambda f: change(f, "adapter_config.json", base_model_name_or_path="org/base"),
        r"holds an adapter .* for org/base; merge it",
    ),
    "quantized": (
        lambda f: change(f, "config.json", quantization_config={"quant_method": "awq"}),
        r"quantized weights \(awq\).*expected weights in float32",
    ),
    "a type nobody knows": (
        lambda f: change(f, "config.json", model_type="mine"),
        r"model_type 'mine', which transformers [\d.]+ does not support; expected a",
    ),
    "no type": (lambda f: change(f, "config.json", model_type=None), r"model_type None"),
    "other shapes": (
        lambda f: change(f, "config.json", intermediate_size=80),
        r"do not fit config.json: model\.layers\.0\..* is \d+ x \d+ in the file, \d+ x \d+",
    ),
    "more layers": (
        lambda f: change(f, "config.json", num_hidden_layers=3),
        r"the weights lack 9 tensors of the architecture \(model\.layers\.2\.",
    ),
    "no head": (
        lambda f: drop_tensors(f, r"^(lm_head|score)\."),
        r"the weights lack 1 tensors of the architecture \((lm_head|score)\.weight\), which would "
        r"be random",
    ),
    "no vocabulary": (leave_only_the_tokenizers_config, "no tokenizer: no tokenizer.json"),
    "special tokens only": (keep_special_tokens_only, r"has 0 tokens besides the special ones"),
    "a tokenizer too large": (
        lambda f: write_tokenizer(f, vocabulary=340),
        r"has 16 token\(s\) beyond the embedding's 324 rows, first '.*' with id 324; resize",
    ),
    "cut weights": (cut_weights, r"has \d+ bytes, but its header says \d+"),
    "pickled weights": (no_safetensors, r"no model\.safetensors.*convert pytorch_model\.bin"),
    "a lost shard": (
        lost_shard,
        r"model-00001-of-00002\.safetensors is missing, but .*index\.json lists it",
    ),
    "a config that is no JSON": (
        lambda f: (f / "config.json").write_text("{"),
        r"config\.json cannot be read as JSON",
    ),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_folder_that_is_not_whole_is_refused_in_every_role(
    role: tuple[str, Path, Callable[[], object]], how: str
) -> None:
    key, folder, load = role
    load()
    spoil, told = SPOILT[how]
    spoil(folder)
    error = refused(load, folder)
    assert isinstance(error, InputError)
    assert re.search(told, error.message), error.message
    assert error.key == key


def test_code_of_its_own_is_named_with_the_key_that_allows_it(
    role: tuple[str, Path, Callable[[], object]],
) -> None:
    key, folder, load = role
    maps = {"AutoConfig": "conf.C", "AutoModelForCausalLM": "mod.M"}
    change(folder, "config.json", model_type="mine", auto_map=maps)
    error = refused(load, folder)
    assert "use a model that transformers supports" in error.message
    if key.endswith(".model"):
        allows = key.replace(".model", ".trust_remote_code")
        assert f"read that code and set {allows} to true" in error.message
        assert error.key == allows
    else:
        assert error.key == key


def test_code_of_its_own_is_not_asked_for_where_transformers_knows_the_model(
    role: tuple[str, Path, Callable[[], object]],
) -> None:
    _, folder, load = role
    change(folder, "config.json", auto_map={"AutoConfig": "conf.C"})
    load()


def give_up(monkeypatch: pytest.MonkeyPatch, auto: Any, folder: Path, words: Exception) -> None:
    """Makes a class of transformers fail on this folder."""
    load = auto.from_pretrained

    def from_pretrained(path: Path, **settings: Any) -> Any:
        if path == folder:
            raise words
        return load(path, **settings)

    monkeypatch.setattr(auto, "from_pretrained", from_pretrained)


def test_what_a_library_says_is_the_cause_and_not_the_message(
    role: tuple[str, Path, Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folder, load = role

    words = OSError("Can't load it.\n\nCheck this and that, or the page at https://…")
    give_up(monkeypatch, transformers.AutoTokenizer, folder, words)
    error = refused(load, folder)
    assert re.search(r"transformers [\d.]+ cannot load it \(OSError\); expected", error.message)
    assert "Check this" in str(error.__cause__)


def test_a_package_that_is_missing_is_named(
    role: tuple[str, Path, Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folder, load = role

    words = ImportError(
        "This modeling file requires the following packages that were not found in your "
        "environment: einops, flash-attn. Run `pip install einops flash-attn`"
    )
    give_up(monkeypatch, transformers.AutoConfig, folder, words)
    error = refused(load, folder)
    assert isinstance(error, MissingEnvironment)
    assert "needs einops, flash-attn, which is not installed" in error.message


def test_a_vocabulary_of_sentencepiece_alone_is_enough(
    language_model: Path, tmp_path: Path
) -> None:
    """Llama 1 and 2 and their kin have a tokenizer.model and no tokenizer.json."""
    folder, pieces = tmp_path / "model", io.BytesIO()
    shutil.copytree(language_model, folder)
    for file in folder.glob("tokenizer*"):
        file.unlink()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(WORDS)] * 50),
        model_writer=pieces,
        vocab_size=80,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(pieces.getvalue())
    change(
        folder,
        "tokenizer_config.json",
        tokenizer_class="LlamaTokenizer",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )
    change(folder, "generation_config.json", eos_token_id=2)
    policy = make_policy(folder)
    (prompt,) = encode(policy.tokenizer, ["we saw the film"])
    assert len(prompt) > 4
    (text,) = read_tokens(policy.tokenizer, policy.end_tokens, [prompt])
    assert text == "we saw the film"


def test_sentencepiece_is_asked_for_before_anything_is_loaded(
    role: tuple[str, Path, Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folder, load = role
    (folder / "tokenizer.json").rename(folder / "tokenizer.model")
    monkeypatch.setattr(declared, "_importable", lambda module: module != "sentencepiece")
    error = refused(load, folder)
    assert isinstance(error, MissingEnvironment)
    assert "tokenizer.model needs sentencepiece; install" in error.message


@pytest.mark.parametrize(
    ("kind", "shape", "told"),
    [
        ("T5ForConditionalGeneration", {"d_model": 32, "d_ff": 32, "num_layers": 1}, "(t5)"),
        ("BartForConditionalGeneration", {"d_model": 32, "encoder_layers": 1}, "(bart)"),
    ],
)
def test_an_encoder_decoder_is_no_policy(
    tmp_path: Path, kind: str, shape: dict[str, Any], told: str
) -> None:
    network = getattr(transformers, kind)
    small = {"vocab_size": 324, "decoder_layers": 1, "decoder_attention_heads": 2, "num_heads": 2}
    config = network.config_class(**small | {"encoder_attention_heads": 2} | shape)
    network(config).save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    error = refused(lambda: make_policy(tmp_path), tmp_path)
    assert f"is an encoder-decoder {told}; expected a decoder-only language model" in error.message


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("Mamba", {"state_size": 4, "num_hidden_layers": 2}),
        ("Rwkv", {"num_hidden_layers": 2, "attention_hidden_size": 32, "context_length": 64}),
        ("Bert", {"is_decoder": True, "num_hidden_layers": 1, "num_attention_heads": 2}),
        ("Bert", {"num_hidden_layers": 1, "num_attention_heads": 2}),
    ],
)
def test_what_cannot_be_sampled_from_a_padded_batch_is_no_policy(
    tmp_path: Path, kind: str, shape: dict[str, Any]
) -> None:
    config = getattr(transformers, f"{kind}Config")(vocab_size=324, hidden_size=32, **shape)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    with pytest.raises(InputError, match=r"expected a decoder-only transformer such as") as caught:
        make_policy(tmp_path)
    assert caught.value.key == "policy.model"


def test_a_reference_of_another_vocabulary_is_refused(language_model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(language_model, other)
    write_tokenizer(other, controls=["<|turn|>"])
    error = refused(lambda: make_policy(language_model, other), other)
    assert re.search(r"different vocabulary from policy.model: \d+ tokens differ, '", error.message)


@pytest.mark.parametrize(("ids", "told"), [([0, 999], "999 is beyond"), (["</s>"], "expected tok")])
def test_end_tokens_must_be_ids_of_the_model(
    language_model: Path, tmp_path: Path, ids: Any, told: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(language_model, folder)
    change(folder, "generation_config.json", eos_token_id=ids)
    error = refused(lambda: make_policy(folder), folder)
    assert told in error.message


def test_a_pass_never_reaches_where_longrope_changes_over(tmp_path: Path) -> None:
    """One row that is longer changes the rotations of all rows of its batch."""
    rope = {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "partial_rotary_factor": 1.0,
        "short_factor": [1.0] * 4,
        "long_factor": [16.0] * 4,
        "original_max_position_embeddings": 16,
    }
    folder = write_policy(
        tmp_path / "policy", "phi3", rope_parameters=rope, original_max_position_embeddings=16
    )
    policy = make_policy(folder, data__prompt_tokens=8, rollout__new_tokens=8)
    model, tokens = policy.actor.causal, torch.arange(12)[None] + 40
    longer = torch.arange(17)[None] + 30
    beside = torch.cat([torch.nn.functional.pad(tokens, (0, 5), value=1), longer])
    with torch.no_grad():
        alone, together = model(tokens).logits, model(beside).logits[:1, :12]
        fits = model(beside[:, :16]).logits[:1, :12]
    torch.testing.assert_close(fits, alone, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(together, alone, atol=1e-2)
    error = refused(
        lambda: make_policy(folder, data__prompt_tokens=9, rollout__new_tokens=8), folder
    )
    assert "make 17 tokens" in error.message
    assert "has 16 positions" in error.message
