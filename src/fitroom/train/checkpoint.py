"""Write and read checkpoints, which hold everything that a run needs to resume exactly. Writing is atomic."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from fitroom.errors import InputError, OutputError, WeightsError
from fitroom.files import PARTS, atomic_write

NAME = "checkpoint.pt"


@dataclass(frozen=True)
class Checkpoint:
    """State after `step` steps. It needs no random state: random numbers depend only on the step."""

    stage: str
    network: str  # key of nets.registry.NETWORKS, or the name of another network
    config: dict[str, Any]  # of the network
    step: int
    seconds: float  # spent so far, over all sessions
    tensors: dict[str, Tensor]  # of the network in training
    average: dict[str, Tensor]  # moving average of the tensors; this is the trained network
    optimiser: dict[str, Any]
    adversary: dict[str, Tensor] = field(default_factory=dict)  # of the discriminator, if the stage has one


def save(checkpoint: Checkpoint, folder: Path) -> Path:
    """Replace the checkpoint of a folder, and return its path.

    The old checkpoint stays until the new one is on disk. Raises OutputError.
    """
    path, kept = folder / NAME, "; the checkpoint before it is kept"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(PARTS):
            # left by a run that was killed while writing
            left.unlink()
        with atomic_write(path, remedy=kept) as part, part.open("wb") as stream:
            torch.save({name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}, stream)
            stream.flush()
            os.fsync(stream.fileno())
    except (OSError, RuntimeError) as error:  # PyTorch reports a full disk as RuntimeError
        raise OutputError(f"{path}: can't be written ({error}){kept}.") from error
    return path


def load(folder: Path) -> Checkpoint | None:
    """Read the checkpoint of a folder onto the CPU; None if there is none. Raises WeightsError if it is damaged."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, TypeError, EOFError, UnpicklingError) as error:
        raise WeightsError(f"{path}: not a checkpoint of fitroom train, or damaged ({error}).") from error


def finished(work: str | Path, stage: str, needed_by: str) -> Checkpoint:
    """Read the checkpoint of a stage in `work`. Raises WeightsError that says what to run if there is none."""
    folder = Path(work) / stage
    found = load(folder)
    if found is None:
        raise WeightsError(
            f"{folder}: no checkpoint of {stage}; {needed_by} needs it; "
            f"run first: fitroom train {stage} --work {work} ..."
        )
    return found


def to_go_on(folder: Path, resume: bool) -> Checkpoint | None:
    """Read the checkpoint to resume from, if any. Raises InputError if there is one and `resume` is false."""
    kept = load(folder)
    if kept is not None and not resume:
        raise InputError(
            f"{folder}: holds a checkpoint of {kept.step} steps; continue with --resume, or name a new --work."
        )
    return kept


def check_network(found: str, found_config: dict[str, Any], network: str, config: Any, origin: Path) -> None:
    """Raise WeightsError if the network found in a file or folder is not the wanted one."""
    wanted = asdict(config)
    # settings that are newer than the file have their defaults
    found_config = asdict(type(config)()) | found_config
    if found != network or untupled(found_config) != untupled(wanted):
        changed = [key for key in wanted if untupled(found_config.get(key)) != untupled(wanted[key])]
        what = found if found != network else f"other {', '.join(changed)}"
        raise WeightsError(
            f"{origin}: another network ({what}) than in the settings; change the settings or use other weights."
        )


def untupled(value: Any) -> Any:
    """Replace tuples with lists, also in nested values."""
    if isinstance(value, dict):
        return {key: untupled(item) for key, item in value.items()}
    return [untupled(item) for item in value] if isinstance(value, list | tuple) else value
