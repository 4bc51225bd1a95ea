"""Which trackers there are. A library is imported when its tracker is opened, and never before."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from averse_tracker.contract import AbsentError, Place, Settings, Tracker


@dataclass(frozen=True)
class Library:
    """Where a tracker's code is, and what it needs."""

    module: str
    tracker: str
    imports: str
    install: str


LIBRARIES: Final[Mapping[str, Library]] = {
    "tensorboard": Library("tensorboard", "TensorBoard", "tensorboard", "tensorboard"),
    "wandb": Library("wandb", "WeightsAndBiases", "wandb", "wandb"),
    # The database of a run folder needs more than the skinny package has.
    "mlflow": Library("mlflow", "MLflow", "mlflow", "mlflow-skinny sqlalchemy alembic"),
    "trackio": Library("trackio", "Trackio", "trackio", "trackio"),
}


def open_tracker(settings: Settings, place: Place) -> Tracker:
    """The tracker that `settings` name.

    Raises:
        AbsentError: its library is not installed; says how to install it.
    """
    library = LIBRARIES[settings.name]
    if importlib.util.find_spec(library.imports) is None:
        raise AbsentError(
            f"{library.imports} is not installed: "
            f"`{sys.executable} -m pip install {library.install}` installs it"
        )
    module = importlib.import_module(f"averse_tracker.libraries.{library.module}")
    make = cast("Callable[[Settings, Place], Tracker]", getattr(module, library.tracker))
    return make(settings, place)
