"""Builds the settings of the stage finetune, which follows pruning and simulates quantization."""

import json
from collections.abc import Sequence

from fitroom.store import Weights
from fitroom.train.tasks.config import TrainConfig, read_config

RECIPE = "finetune"


def resting(modules: Sequence[str]) -> str:
    """Return the value of `StageConfig.rests` that freezes the unchanged part of the network."""
    generates = [module == "generator" for module in modules]
    return "warp" if all(generates) else "nothing" if any(generates) else "generator"


def finetune_config(
    weights: Weights, start: str, modules: Sequence[str], path: str | None = None, overrides: tuple[str, ...] = ()
) -> TrainConfig:
    """Return settings that train `start` with `weights` as its teacher.

    `start` is the name or folder of weights. `modules` were pruned or quantized; only the part of the network that has
    them, warp or generator, is trained. Other settings come from the YAML file `path`, or else from RECIPE. Raises
    InputError.
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
