"""Fit confidence on validation looks: print its constants, write results/confidence.csv.

From the project's root: calibrate_confidence.py DATA, the VITON folder. Constants go into src/fitroom/confidence.py.
"""

import sys
from pathlib import Path

from tqdm import tqdm

from fitroom.circumstances import command, hardware, versions
from fitroom.evaluate.calibration import calibrate
from fitroom.evaluate.plan import make_plan
from fitroom.rows import append_row
from fitroom.tryon import TryOn

TABLE = Path("results/confidence.csv")
COLUMNS = ("weights", "said", "right", "looks", "auc", "hardware", "versions", "command")


def main(data: str) -> None:
    tryon = TryOn.load(parser="none", matting="colour")
    plan = make_plan(data, "val_pairs_unpaired.txt", "val_pairs_paired.txt")
    found = calibrate(tryon, plan, lambda items, said: tqdm(items, said, disable=None))
    print("WEIGHTS =", tuple(round(weight, 3) for weight in found.weights))
    print("BIAS =", round(found.bias, 3))
    TABLE.unlink(missing_ok=True)
    named = f"{tryon.weights.manifest.name} {tryon.weights.manifest.version}"
    for one in found.bins:
        row = {
            "weights": named, "said": f"{one.said:.3f}", "right": f"{one.right:.3f}", "looks": one.looks,
            "auc": f"{found.auc:.3f}", "hardware": hardware(), "versions": versions(), "command": command(),
        }  # fmt: skip
        append_row(TABLE, COLUMNS, row)
        print(row["said"], row["right"], row["looks"])


if __name__ == "__main__":
    main(sys.argv[1])
