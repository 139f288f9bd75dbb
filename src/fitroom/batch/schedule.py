"""In which order pairs are dressed: so that each person and each garment is encoded once, in bounded memory.

Persons are held in memory, a block of them at a time, and garments pass by: one garment and all of a block's persons
who wear it are a task. With one block every garment is encoded once, with more of them once a block.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitroom.batch.pairs import Pairs

LARGEST_TASK = 64  # pairs: what is lost with a worker, and how evenly work is shared


@dataclass(frozen=True)
class Task:
    """Some pairs of one garment, whose persons are of one block."""

    block: int
    garment: int
    pairs: NDArray[np.int64]  # numbers of pairs


def tasks(pairs: Pairs, todo: NDArray[np.int64], persons_held: int) -> Iterator[Task]:
    """Tasks of the pairs that are to do, block after block; a block has `persons_held` persons at most."""
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
