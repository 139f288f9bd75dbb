"""Blind comparison of two sets of looks: sheets with shuffled sides, and scores of what viewers answered.

From the project's root: tools/blind.py sheets CASES A B OUT KEY, then tools/blind.py score KEY ANSWERS.json ...
Viewers get the sheets in OUT and tools/blind_viewer.md, nothing else; KEY says which side is whose.
"""

import json
import random
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

ROWS = 3  # cases on a sheet
LABEL = 60  # pixels of a row's number
QUALITY = 95  # of the JPEG that all looks pass: published looks are soft, and must not be told by that
SIDES = ("left", "right")


def read(path: Path) -> Picture:
    """Read a picture file, uint8 (H, W, 3) BGR. Raises ClickException."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise click.ClickException(f"{path}: missing, or not a picture.")
    return np.asarray(picture, np.uint8)


def read_look(folder: Path, name: str) -> Picture:
    """Read the look NAME.png or NAME.jpg of a folder, after the same JPEG as all looks. Raises ClickException."""
    found = next((path for path in (folder / f"{name}.png", folder / f"{name}.jpg") if path.exists()), None)
    if found is None:
        raise click.ClickException(f"{folder}: no look {name}.png or {name}.jpg.")
    encoded = cv2.imencode(".jpg", read(found), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def row(number: int, pictures: list[Picture], height: int) -> Picture:
    """Draw a sheet's row: a number and pictures side by side, each 3:4 and `height` pixels high."""
    size = height * 3 // 4, height
    label = np.full((height, LABEL, 3), 255, np.uint8)
    cv2.putText(label, str(number), (5, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2)
    return np.concatenate([label, *(cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in pictures)], axis=1)


def scores(key: dict[str, dict[str, str]], answers: dict[str, dict[str, object]]) -> dict[str, int]:
    """Wins and passes of A and of B, and ties, in one viewer's answers. Raises ClickException for a wrong answer."""
    counted = {"A": 0, "B": 0, "tie": 0, "A passes": 0, "B passes": 0}
    for number, sides in key.items():
        answer = answers.get(number, {})
        better, passed = answer.get("better"), answer.get("pass")
        if better not in (*SIDES, "tie") or not isinstance(passed, list) or not set(passed) <= set(SIDES):
            raise click.ClickException(f'case {number}: found {answer}; need "better": left, right or tie, and "pass".')
        counted[sides.get(str(better), "tie")] += 1
        for side in set(passed):
            counted[f"{sides[side]} passes"] += 1
    return counted


@click.group()
def main() -> None:
    """Blind comparison of two sets of looks."""


@main.command()
@click.argument("cases", type=click.Path(exists=True, path_type=Path))
@click.argument("a", type=click.Path(exists=True, path_type=Path))
@click.argument("b", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("key", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
@click.option("--height", default=384, show_default=True, help="Pixels of a row.")
def sheets(cases: Path, a: Path, b: Path, out: Path, key: Path, seed: int, height: int) -> None:
    """Draw sheets of CASES, lines of NAME PERSON GARMENT, with the looks NAME.png of the folders A and B."""
    if key.absolute().is_relative_to(out.absolute()):
        raise click.ClickException(f"{key}: lies among the sheets; viewers must not see it.")
    out.mkdir(parents=True, exist_ok=True)
    chance, sides, rows = random.Random(seed), {}, []
    for number, line in enumerate(filter(str.strip, cases.read_text().splitlines())):
        name, person, garment = line.split()
        order = [("A", a), ("B", b)]
        chance.shuffle(order)
        sides[str(number)] = {"name": name} | {side: one for side, (one, _) in zip(SIDES, order, strict=True)}
        looks = [read_look(folder, name) for _, folder in order]
        rows.append(row(number, [read(Path(person)), read(Path(garment)), *looks], height))
    for first in range(0, len(rows), ROWS):
        cv2.imwrite(str(out / f"sheet_{first // ROWS:02}.png"), np.concatenate(rows[first : first + ROWS]))
    key.write_text(json.dumps(sides, indent=1) + "\n")
    click.echo(f"{len(rows)} cases in {out}; the key is {key}")


@main.command()
@click.argument("key", type=click.Path(exists=True, path_type=Path))
@click.argument("answers", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True)
def score(key: Path, answers: tuple[Path, ...]) -> None:
    """Count wins and passes in viewers' ANSWERS. A tie counts against the new system."""
    sides = json.loads(key.read_text())
    for path in answers:
        found = scores(sides, json.loads(path.read_text()))
        click.echo(
            f"{path.name}: A better {found['A']}, B better {found['B']}, tie {found['tie']}; "
            f"A passes {found['A passes']}, B passes {found['B passes']} of {len(sides)}"
        )


if __name__ == "__main__":
    main()
