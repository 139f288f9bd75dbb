"""Write twelve looks of drawn figures and ten of VITON's validation pairs as PNG: tools/write_looks.py VITON FOLDER.

Run by two versions of fitroom, from the project's root, it shows whether a change left looks as they were: `diff -r`.
"""

import sys
from pathlib import Path

from fitroom import TryOn
from fitroom.demo import SAMPLES, sample_names

DRAWN, PAIRS = 12, 10
LIST = "val_pairs_unpaired.txt"


def main(viton: str, folder: str) -> None:
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    tryon = TryOn.load()
    persons, garments = sample_names()
    drawn = [(str(SAMPLES / person), str(SAMPLES / garment)) for person in persons for garment in garments]
    root = Path(viton)
    lines = (root / LIST).read_text().splitlines()[:PAIRS]
    pairs = [(str(root / "train_img" / p), str(root / "train_color" / g)) for p, g in map(str.split, lines)]
    for number, (person, garment) in enumerate([*drawn[:DRAWN], *pairs]):
        tryon(person, garment).save(target / f"{number:02d}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
