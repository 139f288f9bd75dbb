"""Measure sleeves of another length on validation persons: a row of results/sleeves.csv.

From the project's root: measure_sleeves.py DATA [WEIGHTS], the VITON folder, and weights by name or folder.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.sleeves import measure_sleeves
from fitroom.files import append_row
from fitroom.hardware import command, hardware, versions
from fitroom.tryon import TryOn

TABLE = Path("results/sleeves.csv")
COLUMNS = ("weights", "precision", "bare", "covered", "long", "bared", "hardware", "versions", "command")
LISTS = "val_pairs_unpaired.txt", "val_pairs_paired.txt"


def main(data: str, weights: str = "lite") -> None:
    tryon = TryOn.load(weights, parser="none", segmenter="colour")
    found = measure_sleeves(tryon, make_plan(data, *LISTS), lambda items, said: tqdm(items, said, disable=None))
    manifest = tryon.weights.manifest
    figures = {name: f"{value:.3f}" if isinstance(value, float) else value for name, value in asdict(found).items()}
    row = {
        "weights": f"{manifest.name} {manifest.version}",
        "precision": manifest.precision,
        **figures,
        "hardware": hardware(),
        "versions": versions(),
        "command": command(),
    }
    append_row(TABLE, COLUMNS, row)
    print(*(f"{name} {value}" for name, value in figures.items()), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
