"""Settings of the training that follows pruning and goes along with quantization: the stage finetune."""

import json
from collections.abc import Sequence

from fitroom.store import Weights
from fitroom.train.tasks.config import TrainConfig, read_config

RECIPE = "finetune"


def resting(modules: Sequence[str]) -> str:
    """What stays as it is where these modules change, as `StageConfig.rests` has it: only what changed is trained."""
    generates = [module == "generator" for module in modules]
    return "warp" if all(generates) else "nothing" if any(generates) else "generator"


def finetune_config(
    weights: Weights, start: str, modules: Sequence[str], path: str | None = None, overrides: tuple[str, ...] = ()
) -> TrainConfig:
    """From `start` towards `weights`, a student of the same kind of which `modules` were changed.

    `start` names weights, or is their folder; settings are those of `path`, or of RECIPE. Raises InputError.
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
    return read_config("finetune", path or RECIPE, (*given, *overrides))
