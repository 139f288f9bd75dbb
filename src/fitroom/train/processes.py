"""Start the processes that train together, on one machine or several, and explain the loss of one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal

import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from fitroom.errors import FitroomError, InputError

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
# gloo's errors have no type of their own; most name its source files
LOST = ("gloo", "pair closure")


def launched(devices: int, nodes: int, precision: Precision, batch: int, lost_minutes: float) -> Fabric:
    """Start the processes of a run. A process that does not answer for `lost_minutes` counts as lost.

    Raises InputError if `batch` is not divisible by the number of processes.
    """
    if devices == nodes == 1:
        fabric = Fabric(devices=1, precision=precision)
    else:
        together = DDPStrategy(timeout=timedelta(minutes=lost_minutes))
        fabric = Fabric(devices=devices, num_nodes=nodes, precision=precision, strategy=together)
    fabric.launch()
    if batch % fabric.world_size:
        raise InputError(f"loop.batch {batch}: need a multiple of {fabric.world_size}, the number of processes.")
    return fabric


@contextmanager
def loss_told(folder: Path) -> Iterator[None]:
    """Turn errors caused by the loss of another process into a FitroomError that says what to do."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and not any(words in str(error) for words in LOST):
            raise
        first = str(error).splitlines()[0]
        raise FitroomError(
            f"another process of this run was lost, or its machine ({first}). The last checkpoint in {folder} is kept. "
            "Read the error message of that process, then start all processes again with --resume."
        ) from error
