"""Measure looks of validation persons in the studio and in scenes, with the parser and without: results/photos.csv.

From the project's root: measure_photos.py DATA, the VITON folder.
"""

import sys
from pathlib import Path

from tqdm import tqdm

from fitroom.data.scenes import STUDIO
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.scenes import ELSEWHERE, measure_scenes
from fitroom.files import append_row, read_rows
from fitroom.hardware import command, hardware, versions
from fitroom.tryon import TryOn

TABLE = Path("results/photos.csv")
FIGURES = ("warp_iou", "retrieval_top1", "retrieval_top5", "refused")
COLUMNS = ("photos", "parser", "weights", "persons", *FIGURES, "hardware", "versions", "command")
LISTS = "val_pairs_unpaired.txt", "val_pairs_paired.txt"


def main(data: str) -> None:
    plan = make_plan(data, *LISTS)
    done = {
        (row["photos"], row["parser"], row["weights"])
        for row in read_rows(TABLE, COLUMNS, "table of measure_photos.py")
    }
    for photos, config, parser in (
        ("studio", STUDIO, "none"),
        ("studio", STUDIO, "parser"),
        ("scenes", ELSEWHERE, "none"),
        ("scenes", ELSEWHERE, "parser"),
    ):
        tryon = TryOn.load(parser=parser, segmenter="colour")
        named = f"{tryon.weights.manifest.name} {tryon.weights.manifest.version}"
        if (photos, parser, named) in done:
            continue
        found = measure_scenes(tryon, plan, config, progress=lambda items, said: tqdm(items, said, disable=None))
        row = {
            "photos": photos,
            "parser": parser,
            "weights": named,
            "persons": int(found["looks"]),
            **{name: f"{found[name]:.4f}" for name in FIGURES},
            "hardware": hardware(),
            "versions": versions(),
            "command": command(),
        }
        append_row(TABLE, COLUMNS, row)
        print(photos, parser, {name: row[name] for name in FIGURES})


if __name__ == "__main__":
    main(sys.argv[1])
