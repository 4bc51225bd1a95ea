"""The figures of an evaluation that are wanted, by the names that hello declares."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from averse_worker.data.examples import Example
from averse_worker.data.text import Text
from averse_worker.engine.contract import Report
from averse_worker.evaluation.distinct import distinct
from averse_worker.evaluation.evaluate import Evaluation
from averse_worker.evaluation.fluency import FluencyMean, FluencyModel
from averse_worker.evaluation.perplexity import perplexity
from averse_worker.evaluation.repetition import repetition_rate
from averse_worker.evaluation.self_bleu import self_bleu
from averse_worker.models.policy import Policy
from averse_worker.models.window import context_of

_FLUENCY: Final = frozenset({"fluency", "fluency_left_out"})


def evaluation_figures(
    found: Evaluation,
    prompts: Sequence[Text],
    wanted: Sequence[str],
    policy: Policy,
    good_texts: Sequence[Example],
    fluency: FluencyModel | None,
    report: Report,
) -> dict[str, float]:
    """What cannot be had (perplexity without held-out texts, fluency without a model) is left out.

    Args:
        prompts: of each episode of `found`.
        good_texts: held out, of the good class.
    """

    def held_out() -> float | None:
        return perplexity(policy, good_texts, context_of(policy.actor.causal), report)

    ways: Mapping[str, Callable[[], float | None]] = {
        "dist_1": lambda: distinct(found.completions, 1),
        "dist_2": lambda: distinct(found.completions, 2),
        "dist_3": lambda: distinct(found.completions, 3),
        "perplexity": held_out,
        "repetition_rate": lambda: repetition_rate(found.completions),
        "self_bleu": lambda: self_bleu([text.completion for text in found.texts]),
    }
    figures = {name: ways[name]() for name in wanted if name in ways}
    if fluency is not None and _FLUENCY & set(wanted):

        def alive(done: int, total: int) -> None:
            report("fluency", done, total, "texts")

        mean = FluencyMean()
        begins = [str(prompt) for prompt in prompts]
        mean.add(fluency.perplexities(begins, [str(text) for text in found.texts], alive))
        own = {"fluency": mean.mean, "fluency_left_out": float(mean.left_out)}
        figures |= {name: value for name, value in own.items() if name in wanted}
    return {name: value for name, value in figures.items() if value is not None}
