"""Count the photos that the parser refuses: of persons, who should be dressed, and of garments given as persons.

From the project's root: tools/measure_refusals.py STREET DATA GARMENTS [PARSER]. STREET is the folder of labelled
photos, of which those in experiments/street/val_front.txt show an upper body from the front; DATA is the VITON folder,
with validation persons and their product shots; GARMENTS is a folder of garment photos.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from fitroom.arrays import Picture
from fitroom.data.pack import open_reader
from fitroom.data.street import open_labelled
from fitroom.errors import PersonError
from fitroom.photo import decode
from fitroom.photo.framing import frame_person
from fitroom.runtime.interface import PersonParser
from fitroom.tryon import open_parser

FRONT = Path("experiments/street/val_front.txt")
PAIRS = "val_pairs_paired.txt"


def refused(photos: Iterable[tuple[str, Picture]], parser: PersonParser) -> dict[str, str]:
    """Frame the person of every photo; returns the codes of those that are refused, by name."""
    found = {}
    for name, photo in photos:
        try:
            frame_person(photo, parser)
        except PersonError as error:
            found[name] = error.code
    return found


def main(street: str, data: str, garments: str, weights: str = "parser") -> None:
    parser, folder, reader = open_parser(weights), open_labelled(street), open_reader(data)
    pairs, pictures = reader.pairs(PAIRS).pairs, sorted(Path(garments).iterdir())
    front = FRONT.read_text().split()
    groups = {
        "street photos from the front": (len(front), ((name, folder.photo(name)) for name in front)),
        "validation persons": (len(pairs), ((pair.person, reader.photo(pair.person)) for pair in pairs)),
        "product shots": (len(pairs), ((pair.garment, reader.garment(pair.garment)) for pair in pairs)),
        "garment photos": (len(pictures), ((path.name, decode.read(path)) for path in pictures)),
    }
    for name, (count, photos) in groups.items():
        found = refused(photos, parser)
        listed = ", ".join(f"{photo} ({code})" for photo, code in found.items()) if len(found) < 20 else ""
        print(f"{name}: {len(found)} of {count} refused {listed}")


if __name__ == "__main__":
    main(*sys.argv[1:])
