"""Order the pairs so that encoded persons and garments are reused, in bounded memory.

Only the persons of one block are in memory at a time. A task pairs one garment with at most LARGEST_TASK persons of the
block. Each person is encoded once, and each garment once per block.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitroom.batch.pairs import Pairs

LARGEST_TASK = 64  # pairs: limits what a lost worker costs, and balances the load


@dataclass(frozen=True)
class Task:
    """Pairs of one garment with persons of one block."""

    block: int
    garment: int
    pairs: NDArray[np.int64]  # indices of pairs


def tasks(pairs: Pairs, todo: NDArray[np.int64], persons_held: int) -> Iterator[Task]:
    """Yield the tasks of the pairs `todo`, block by block. A block has at most `persons_held` persons."""
    if not len(todo):
        return
    wanted = np.unique(pairs.person[todo])
    block_of = np.full(len(pairs.persons), -1, np.int32)
    block_of[wanted] = np.arange(len(wanted)) // persons_held
    block, garment = block_of[pairs.person[todo]], pairs.garment[todo]
    order = np.lexsort((pairs.person[todo], garment, block))
    todo, block, garment = todo[order], block[order], garment[order]
    begins = np.flatnonzero(np.r_[True, (np.diff(block) != 0) | (np.diff(garment) != 0)])
    for start, end in zip(begins, np.r_[begins[1:], len(todo)], strict=True):
        parts = -((start - end) // LARGEST_TASK)
        yield from (
            Task(int(block[start]), int(garment[start]), part) for part in np.array_split(todo[start:end], parts)
        )
