"""Settings of the training that follows pruning and goes along with quantization: the stage finetune."""

import json
from collections.abc import Sequence

from fitroom.store import Weights
from fitroom.train.tasks.config import TrainConfig, read_config

# those of configs/finetune.yaml, which an installed package does not have
DEFAULTS = (
    "fakes=[cut-fakes]",
    "stage.own_share=0.125",
    "stage.losses.colour_means=3.0",
    "stage.losses.smoothness=0.12",
    "stage.losses.look=0.0",
    "stage.losses.rendered=0.0",
    "stage.losses.gradients=0.0",
    "stage.losses.composition=0.0",
    "stage.losses.change=0.0",
    "stage.losses.distilled_flow=10.0",
    "stage.losses.distilled_features=1.0",
    "stage.losses.distilled_look=3.0",
    "loop.steps=2000",
    "loop.batch=8",
    "loop.learning_rate=3.0e-3",
    "loop.warm_up=10",
    "loop.average=0.97",
)


def resting(modules: Sequence[str]) -> str:
    """What stays as it is where these modules change, as `StageConfig.rests` has it: only what changed is trained."""
    generates = [module == "generator" for module in modules]
    return "warp" if all(generates) else "nothing" if any(generates) else "generator"


def finetune_config(
    weights: Weights, start: str, modules: Sequence[str], path: str | None = None, overrides: tuple[str, ...] = ()
) -> TrainConfig:
    """From `start` towards `weights`, a student of the same kind of which `modules` were changed.

    `start` names weights, or is their folder; settings from YAML at `path`, or DEFAULTS. Raises InputError.
    """
    manifest = weights.manifest
    settings = {name: value for name, value in manifest.config.items() if name not in ("widths", "person")}
    given = [
        f"network={manifest.network}",
        f"start={start}",
        f"teacher={weights.folder}",
        f"stage.rests={resting(modules)}",
    ]
    given += [f"{manifest.network}.{name}={json.dumps(value)}" for name, value in settings.items()]
    return read_config("finetune", path, (*(DEFAULTS if path is None else ()), *given, *overrides))
