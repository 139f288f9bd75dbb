"""Imports published PF-AFN checkpoints as weights. Needs the extra `train`."""

import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from fitroom.errors import WeightsError
from fitroom.export.weights import Origin, export_network
from fitroom.nets.pfafn import Dialect, Pfafn, PfafnConfig
from fitroom.nets.published import translate
from fitroom.store import Weights, check_weights_output

TERMS = "Imported from published PF-AFN checkpoints: their authors' terms apply (research use)."


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read a checkpoint that holds a state dict, without executing code in it. Raises WeightsError."""
    path = Path(path)
    if path.is_dir():
        raise WeightsError(f"{path}: this is a directory; give one checkpoint file (.pth).")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{path}: can't be read ({error.strerror}).") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path}: not a PyTorch checkpoint of plain tensors ({str(error).splitlines()[0]})."
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path}: found {type(state).__name__}; need a state dict, which maps names to tensors.")
    return state


def import_published(
    warp: str | Path,
    generator: str | Path,
    dialect: Dialect,
    folder: str | Path,
    step: Callable[[str], None] = lambda message: None,
) -> tuple[Weights, list[str]]:
    """Write a weights folder from published checkpoints of a warp network and a generator.

    Returns the weights and the names of dropped tensors. Raises WeightsError, without writing anything, if tensors are
    missing, extra or of the wrong shape; the message lists them.
    """
    check_weights_output(folder)
    network = Pfafn(PfafnConfig(dialect=dialect))
    step("reading the checkpoints")
    state, dropped = translate(read_state_dict(warp), read_state_dict(generator), network.state_dict())
    network.load_state_dict(state)
    origin = Origin(Path(folder).name, version="1", training_data="VITON, by the checkpoints' authors", terms=TERMS)
    return export_network(network, folder, origin, step=step).weights, dropped
