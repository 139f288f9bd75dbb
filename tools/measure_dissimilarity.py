"""Measure where swap-back loses SSIM on validation persons: a row of results/dissimilarity.csv.

From the project's root: measure_dissimilarity.py DATA [WEIGHTS], the VITON folder, and weights by name or folder.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from fitroom.evaluate.dissimilarity import measure_dissimilarity
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.systems import open_system
from fitroom.files import append_row
from fitroom.hardware import command, hardware, versions

TABLE = Path("results/dissimilarity.csv")
LISTS = "val_pairs_unpaired.txt", "val_pairs_paired.txt"


def main(data: str, weights: str = "lite") -> None:
    system = open_system(weights)
    found = measure_dissimilarity(system, make_plan(data, *LISTS), lambda items, said: tqdm(items, said, disable=None))
    figures = {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in asdict(found).items()}
    row = {
        "weights": f"{system.name} {system.version}",
        "backend": system.backend,
        **figures,
        "hardware": hardware(),
        "versions": versions(),
        "command": command(),
    }
    append_row(TABLE, tuple(row), row)
    print(*(f"{name} {value}" for name, value in figures.items()), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
