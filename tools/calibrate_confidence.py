"""Fit confidence on looks of training persons and test it on those of validation persons.

It prints the constants, and writes results/confidence.csv.

From the project's root: calibrate_confidence.py DATA, the VITON folder. Constants go into
src/fitroom/photo/confidence.py.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fitroom.data.pack import open_reader
from fitroom.evaluate.calibration import exchanged, fitted, outcomes
from fitroom.evaluate.plan import make_plan
from fitroom.files import append_row
from fitroom.hardware import command, hardware, versions
from fitroom.tryon import TryOn

TABLE = Path("results/confidence.csv")
EVERY = 4  # of the training pairs one is taken
COLUMNS = ("weights", "said", "right", "looks", "auc", "hardware", "versions", "command")


def main(data: str) -> None:
    # training pairs have backgrounds on which colour alone finds no garment
    tryon, reader = TryOn.load(parser="none"), open_reader(data)
    plan = make_plan(data, "val_pairs_unpaired.txt", "val_pairs_paired.txt")
    worn = reader.pairs("train_pairs.txt").pairs[::EVERY]
    own = {pair.person: pair.garment for pair in worn}

    def progress(items: Sequence[Any], said: str) -> Iterable[Any]:
        return tqdm(items, said, disable=None)

    learned = outcomes(tryon, reader, exchanged(worn), own, progress)
    found = fitted(learned, outcomes(tryon, reader, plan.unpaired.pairs, plan.own, progress))
    print("WEIGHTS =", tuple(round(weight, 3) for weight in found.weights))
    print("BIAS =", round(found.bias, 3))
    TABLE.unlink(missing_ok=True)
    named = f"{tryon.weights.manifest.name} {tryon.weights.manifest.version}"
    for one in found.bins:
        row = {
            "weights": named,
            "said": f"{one.said:.3f}",
            "right": f"{one.right:.3f}",
            "looks": one.looks,
            "auc": f"{found.auc:.3f}",
            "hardware": hardware(),
            "versions": versions(),
            "command": command(),
        }
        append_row(TABLE, COLUMNS, row)
        print(row["said"], row["right"], row["looks"])


if __name__ == "__main__":
    main(sys.argv[1])
