"""From a scorer's settings to what scores: its model, function, server or words."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from averse_worker.engine.contract import Report
from averse_worker.models.folder import ModelFolder, builtin_model, find_model
from averse_worker.platform.device import Device
from averse_worker.platform.files import file_digest
from averse_worker.rewards.classifier import (
    TransformersReward,
    check_reward,
    load_reward,
    settings_of,
)
from averse_worker.rewards.contract import RewardModel
from averse_worker.rewards.function import FunctionReward, LoadedFunction, load_function
from averse_worker.rewards.length import LengthReward
from averse_worker.rewards.lexicon import LexiconReward, read_words
from averse_worker.rewards.preference import check_preference, load_preference
from averse_worker.rewards.remote import load_remote
from averse_worker.rewards.scored_text import PairModel
from averse_worker.rewards.scoring import Scorer
from averse_worker.wire.messages.load import (
    BuiltinScorer,
    ClassifierScorer,
    HttpScorer,
    LengthScorer,
    LexiconScorer,
    LoadScorer,
    PreferenceScorer,
    PythonScorer,
)

Model = RewardModel | PairModel
LoadedModel = tuple[Model, Mapping[str, str]]
"""what scores, and the digests of its files"""


@dataclass(frozen=True)
class ScorerPlace:
    """Where a scorer's settings are, and the folder of its model."""

    key: str
    """path in the configuration: reward, reward.1, evaluation.judges.0"""
    folder: ModelFolder | None = None
    """None: it has none"""
    function: LoadedFunction | None = None
    """None: it is none; imported once, as that may take long"""


@dataclass(frozen=True)
class LoadedScorer:
    """A scorer that is ready."""

    scorer: Scorer
    digests: Mapping[str, str]
    """sha256 of each file that its scores follow from"""
    settings: Mapping[str, str]
    """what its model's files say of how texts are read, and what is done with it"""


def find_scorer(named: LoadScorer, builtin: str, key: str, report: Report) -> ScorerPlace:
    """Where a scorer's model, or function, is; one from the hub is downloaded.

    Args:
        builtin: name of the folder of the built-in model.
        key: path of the scorer in the configuration.

    Raises:
        InputError: there is no such model, or function.
        MissingEnvironment: the hub cannot be reached, or a module is not installed.
    """
    model = f"{key}.model"
    if isinstance(named, BuiltinScorer):
        return ScorerPlace(key, builtin_model(builtin, model))
    if isinstance(named, ClassifierScorer | PreferenceScorer):
        folder = find_model(
            named.model,
            model,
            report,
            revision=named.revision,
            trust_remote_code=named.trust_remote_code,
        )
        return ScorerPlace(key, folder)
    if isinstance(named, PythonScorer):
        return ScorerPlace(key, function=load_function(named.function, f"{key}.function"))
    return ScorerPlace(key)


def check_scorer(named: LoadScorer, place: ScorerPlace) -> None:
    """Refuses a scorer by what can be known without reading weights.

    Raises:
        InputError: a wrong model, file, function or address, with its key.
        MissingEnvironment: a package or a variable that it needs is missing.
    """
    if isinstance(named, BuiltinScorer | ClassifierScorer):
        check_reward(_folder(place), named.labels, named.output)
    elif isinstance(named, PreferenceScorer):
        check_preference(_folder(place))
    elif isinstance(named, HttpScorer):
        load_remote(named, place.key)
    elif isinstance(named, LexiconScorer) and named.path is not None:
        read_words(named.path, f"{place.key}.words")


def load_scorer(
    named: LoadScorer,
    place: ScorerPlace,
    device: Device,
    tokenizer: Any,
    new_tokens: int,
    loaded: LoadedModel | None = None,
) -> LoadedScorer:
    """The scorer, loaded.

    Args:
        tokenizer: the policy's, as it was loaded.
        new_tokens: the longest completion.
        loaded: its model, where it is in memory already; None: it is read.

    Raises:
        InputError, MissingEnvironment: as `check_scorer`, or a model is not whole.
    """
    model, digests = loaded or load_model(named, place, device, tokenizer)
    own = getattr(model, "model", model)
    if isinstance(own, TransformersReward):
        own.check_completions(_folder(place), tokenizer, new_tokens)
    retries = named.retries if isinstance(named, HttpScorer) else 0
    scorer = Scorer(model, named.timeout_seconds, text=named.text, retries=retries, key=place.key)
    return LoadedScorer(scorer, digests, settings_of(own))


def load_model(
    named: LoadScorer, place: ScorerPlace, device: Device, tokenizer: Any
) -> LoadedModel:
    """What a scorer scores by, and the digests of its files."""
    if isinstance(named, BuiltinScorer | ClassifierScorer):
        folder = _folder(place)
        model = load_reward(folder, named.labels, named.sign, device, named.output)
        return model, folder.digests()
    if isinstance(named, PreferenceScorer):
        folder = _folder(place)
        return load_preference(folder, named.sign, device, named.text), folder.digests()
    if isinstance(named, PythonScorer):
        assert place.function is not None, "a Python scorer has a function"
        call, digests = place.function
        name = named.function.rpartition(":")[2]
        return FunctionReward(call, name, named.text, named.sign), digests
    if isinstance(named, HttpScorer):
        return load_remote(named, place.key), {}
    if isinstance(named, LexiconScorer):
        if named.path is not None:
            words = read_words(named.path, f"{place.key}.words")
            return LexiconReward(words, named.sign), {
                Path(named.path).name: file_digest(Path(named.path))
            }
        words = named.words or []
        told = hashlib.sha256(msgspec.json.encode(words)).hexdigest()
        return LexiconReward(words, named.sign), {"words": told}
    assert isinstance(named, LengthScorer)
    return LengthReward(named.unit, named.target, named.sign, tokenizer), {}


def _folder(place: ScorerPlace) -> ModelFolder:
    assert place.folder is not None, "a scorer with a model has a folder"
    return place.folder
