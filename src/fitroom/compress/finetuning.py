"""Settings of the training that follows pruning and goes along with quantization: the stage finetune."""

import json

from fitroom.store import Weights
from fitroom.train.config import TrainConfig, read_config

# those of configs/finetune.yaml, which an installed package does not have
DEFAULTS = (
    "fakes=[cut-fakes]",
    "stage.own_share=0.125",
    "stage.losses.colour_means=3.0",
    "stage.losses.smoothness=0.12",
    "stage.losses.structure=0.5",
    "stage.losses.composition=3.0",
    "stage.losses.distilled_flow=0.5",
    "stage.losses.distilled_features=0.02",
    "loop.steps=2000",
    "loop.batch=8",
    "loop.learning_rate=2.0e-4",
)


def finetune_config(
    weights: Weights, start: str, path: str | None = None, overrides: tuple[str, ...] = ()
) -> TrainConfig:
    """From `start` towards `weights`, a student of the same kind; settings from YAML at `path`, or DEFAULTS.

    `start` names weights, or is their folder. Raises InputError.
    """
    manifest = weights.manifest
    settings = {name: value for name, value in manifest.config.items() if name not in ("widths", "person")}
    given = [f"network={manifest.network}", f"start={start}", f"teacher={weights.folder}"]
    given += [f"{manifest.network}.{name}={json.dumps(value)}" for name, value in settings.items()]
    return read_config("finetune", path, (*(DEFAULTS if path is None else ()), *given, *overrides))
