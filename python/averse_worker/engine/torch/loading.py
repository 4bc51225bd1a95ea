"""Reads data and models from disk: from the payload of a `load` to what it brings into memory."""

from collections.abc import Mapping

import numpy as np
import torch

from averse_worker.data.builtin import Split
from averse_worker.data.sources import read_data
from averse_worker.data.templates import open_template
from averse_worker.data.tokenise import Prompts, require_room, tokenise_prompts, with_conditions
from averse_worker.engine.contract import Report
from averse_worker.engine.torch.kept import Kept, data_key, model_key, prompts_key
from averse_worker.engine.torch.loaded import Folders, Loaded, MakeLearner, PromptSet, Scorers
from averse_worker.evaluation.capability import check_tasks
from averse_worker.evaluation.fluency import FluencyModel, load_fluency
from averse_worker.models.declared import check_folder
from averse_worker.models.folder import ModelFolder, find_language_model
from averse_worker.models.load import check_quantization, load_policy
from averse_worker.models.settings import language_model_settings
from averse_worker.models.window import context_of
from averse_worker.platform.device import Device, open_device
from averse_worker.platform.ranks import Ranks
from averse_worker.rewards.combine import Component, Rewards
from averse_worker.rewards.load import (
    LoadedScorer,
    ScorerPlace,
    check_scorer,
    find_scorer,
    load_model,
    load_scorer,
)
from averse_worker.rewards.transform import RewardTransform
from averse_worker.wire.limits import component_key
from averse_worker.wire.messages.load import LoadPayload, LoadScorer


def load_all(
    payload: LoadPayload, report: Report, kept: Kept, ranks: Ranks, make_learner: MakeLearner
) -> Loaded:
    """Reads data and models.

    Args:
        kept: frozen parts of the load before, and now of this one.
        ranks: the processes that load the same and compute together.

    Raises:
        InputError: a config value, a model folder or a data file is wrong.
        MissingEnvironment: the device or the hub cannot be reached.
    """
    # The unit of each is what is loaded next.
    total = 5
    report("load", 0, total, "data")
    # What is divided to save memory is not to be kept once it is freed.
    device = open_device(payload.backend, keep_memory=not ranks.sharded)
    check_quantization(payload, device)
    folders = _find(payload, report)
    _check_files(payload, folders)
    source = payload.data.source
    models = _model_keys(payload, folders)
    kept.free_models(models.values())
    of_data = data_key(source)
    data = kept.part(of_data, lambda: read_data(source))
    report("load", 1, total, "policy")
    policy = load_policy(payload, folders.policy, folders.reference, device, folders.experts, ranks)
    report("load", 2, total, "prompts")
    chat = open_template(
        (policy.tokenizer, policy.tokenizer_as_loaded),
        source.template,
        [*data.rows["train"], *data.rows["test"]],
    )

    def tokenised_prompts() -> dict[Split, Prompts]:
        return {
            split: tokenise_prompts(
                rows,
                policy.tokenizer,
                policy.end_tokens,
                payload.data.prompt_tokens,
                chat,
                source.truncate,
                columns=data.columns,
            )
            for split, rows in data.rows.items()
        }

    of_prompts = prompts_key(
        of_data, policy.tokenizer, policy.end_tokens, payload.data.prompt_tokens
    )
    tokenised = (
        tokenised_prompts() if of_prompts is None else kept.part(of_prompts, tokenised_prompts)
    )
    if payload.conditions:
        tokenised = {
            split: with_conditions(
                part,
                payload.conditions,
                policy.tokenizer,
                payload.data.prompt_tokens,
                chat,
                source.truncate,
            )
            for split, part in tokenised.items()
        }
        for part in tokenised.values():
            require_room(part, payload.rollout.new_tokens, context_of(policy.actor.causal))
    report("load", 3, total, "reward")
    settings: dict[str, Mapping[str, str]] = {
        folders.policy.key: language_model_settings(
            folders.policy,
            policy.tokenizer_as_loaded,
            policy.end_tokens,
            None if chat is None else chat.name,
            source.truncate,
        )
    }

    def scorer(place: ScorerPlace, named: LoadScorer) -> LoadedScorer:
        tokenizer, longest = policy.tokenizer_as_loaded, payload.rollout.new_tokens
        key = models.get(place.key)
        # What a model draws while it is built must not depend on whether it is kept.
        with torch.random.fork_rng(devices=[]):
            ready = (
                None
                if key is None
                else kept.part(key, lambda: load_model(named, place, device, tokenizer))
            )
            found = load_scorer(named, place, device, tokenizer, longest, ready)
        if place.folder is not None:
            settings[place.folder.key] = found.settings
        return found

    components = {
        reward.name: scorer(folders.rewards[reward.name], reward.scorer)
        for reward in payload.rewards
    }
    rewards = Rewards(
        [
            Component(
                reward.name,
                reward.weight,
                components[reward.name].scorer,
                RewardTransform(reward),
            )
            for reward in payload.rewards
        ]
    )
    report("load", 4, total, "judge")
    asked, toxicity, fluency = payload.evaluation, folders.toxicity, folders.fluency
    scorers = Scorers(
        components,
        {judge.name: scorer(folders.judges[judge.name], judge.scorer) for judge in payload.judges},
        scorer(toxicity, asked.toxicity.scorer) if toxicity and asked.toxicity else None,
        kept.part(models[fluency.key], lambda: _loaded_fluency(fluency, device))
        if fluency
        else None,
    )
    report("load", 5, total, "judge")
    unscored = {
        split: PromptSet(part, np.full((len(payload.rewards), part.ids.size), np.nan, np.float32))
        for split, part in tokenised.items()
    }
    return Loaded(
        payload,
        device,
        folders,
        settings,
        data,
        unscored,
        rewards,
        scorers,
        policy,
        None if chat is None else chat.name,
        ranks,
        make_learner,
    )


def _loaded_fluency(folder: ModelFolder, device: Device) -> FluencyModel:
    with torch.random.fork_rng(devices=[]):
        return load_fluency(folder, device)


def _model_keys(payload: LoadPayload, folders: Folders) -> dict[str, str]:
    """By the config key of a frozen model, what it may be kept under."""
    asked = payload.evaluation
    named: list[tuple[LoadScorer | None, ScorerPlace | None]] = [
        *((reward.scorer, folders.rewards[reward.name]) for reward in payload.rewards),
        *((judge.scorer, folders.judges[judge.name]) for judge in payload.judges),
        (asked.toxicity.scorer if asked.toxicity else None, folders.toxicity),
    ]
    keys = {
        place.key: model_key(scorer, place.folder, payload.backend)
        for scorer, place in named
        if place is not None and place.folder is not None
    }
    if folders.fluency is not None:
        keys[folders.fluency.key] = model_key(None, folders.fluency, payload.backend)
    return keys


def _check_files(payload: LoadPayload, folders: Folders) -> None:
    """Checks the files of every model before any weights are read."""
    check_folder(folders.policy)
    if folders.reference is not None:
        check_folder(folders.reference)
    for reward in payload.rewards:
        check_scorer(reward.scorer, folders.rewards[reward.name])
    for judge in payload.judges:
        check_scorer(judge.scorer, folders.judges[judge.name])
    asked = payload.evaluation
    if asked.toxicity is not None and folders.toxicity is not None:
        check_scorer(asked.toxicity.scorer, folders.toxicity)
    for folder in (folders.fluency, *(folders.experts or ())):
        if folder is not None:
            check_folder(folder)
    check_tasks(asked.tasks)


def _find(payload: LoadPayload, report: Report) -> Folders:
    asked = payload.evaluation
    toxicity = fluency = None
    if asked.toxicity is not None:
        key = "evaluation.toxicity.scorer"
        # A judge is called as in `judges`; a component of the same name comes after it.
        judged = any(judge.name == asked.toxicity.name for judge in payload.judges)
        builtin = "judge" if judged else "reward"
        toxicity = find_scorer(asked.toxicity.scorer, builtin, key, report)
    if asked.fluency is not None:
        fluency = find_language_model(asked.fluency, "evaluation.fluency.model", report)
    experts = None
    if payload.decoding is not None and (steering := payload.decoding.experts) is not None:
        experts = (
            find_language_model(steering.expert, "decoding.expert", report),
            find_language_model(steering.anti_expert, "decoding.anti_expert", report),
        )
    reference = payload.reference
    return Folders(
        find_language_model(payload.policy, "policy.model", report),
        None if reference is None else find_language_model(reference, "reference", report),
        {
            reward.name: find_scorer(reward.scorer, "reward", component_key(payload, place), report)
            for place, reward in enumerate(payload.rewards)
        },
        {
            judge.name: find_scorer(judge.scorer, "judge", f"evaluation.judges.{place}", report)
            for place, judge in enumerate(payload.judges)
        },
        toxicity,
        fluency,
        experts,
    )
