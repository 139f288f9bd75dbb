"""Choose a contrasting garment for every street photo of a list, and write the pairs as CSV.

From the project's root: tools/street_pairs.py STREET LIST DATA PAIRS OUT. Garments are those of the pair list PAIRS of
the VITON folder DATA, in its order. experiments/street/val_pairs.csv was made by:
tools/street_pairs.py street val.txt viton val_pairs_unpaired.txt experiments/street/val_pairs.csv
"""

import csv
import sys
from pathlib import Path

from fitroom.data.pack import open_reader
from fitroom.data.street import open_labelled
from fitroom.evaluate.street import StreetPair, contrasting_pairs


def main(street: str, listed: str, data: str, pairs: str, out: str) -> None:
    folder, reader = open_labelled(street), open_reader(data)
    garments = [pair.garment for pair in reader.pairs(pairs).pairs]
    chosen = contrasting_pairs(folder, folder.names(listed), reader, garments)
    with Path(out).open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(StreetPair._fields)
        writer.writerows(chosen)


if __name__ == "__main__":
    main(*sys.argv[1:])
