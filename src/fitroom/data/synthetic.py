"""Write seeded data sets of drawn figures in the VITON layout, with exact ground truth.

In addition to VITON's folders, `train_other/PERSON_GARMENT.png` shows each figure of `unpaired_pairs.txt` in its other
garment. Photographed data sets have no such ground truth for unpaired try-on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitroom.data.figure import Figure, Photo, photograph, random_figure
from fitroom.data.garment_art import Flat, Garment, lay_out, random_garment, shop_picture
from fitroom.data.viton import write_pose
from fitroom.errors import OutputError
from fitroom.photo.encode import save_picture

Image = NDArray[np.uint8]
Progress = Callable[[Iterable[int]], Iterable[int]]

HEIGHT, WIDTH = 256, 192


@dataclass(frozen=True)
class Sample:
    """One figure in its own garment and in another one, with product shots of both garments."""

    photo: Photo
    other_photo: Photo
    garment: Image  # (H, W, 3) RGB
    garment_mask: Image  # (H, W) of 0 and 255
    other_garment: Image
    other_garment_mask: Image


def random_outfit(seed: int, index: int) -> tuple[Figure, Garment]:
    """Return figure and garment number `index` of a seed. The result depends on nothing else."""
    rng = np.random.default_rng([seed, index])
    return random_figure(rng), random_garment(rng)


def samples(
    count: int, seed: int = 0, height: int = HEIGHT, width: int = WIDTH, progress: Progress = iter
) -> Iterator[Sample]:
    """Draw `count` figures, each in its own garment and in the garment of the next figure."""
    first = lay_out(random_outfit(seed, 0)[1], height, width)
    flat = first
    for index in progress(range(count)):
        figure, _ = random_outfit(seed, index)
        other: Flat = first if index == count - 1 else lay_out(random_outfit(seed, index + 1)[1], height, width)
        photos = [photograph(figure, worn, height, width) for worn in (flat, other)]
        yield Sample(photos[0], photos[1], *shop_picture(flat), *shop_picture(other))
        flat = other


def write_dataset(
    root: str | Path, count: int, seed: int = 0, height: int = HEIGHT, width: int = WIDTH, progress: Progress = iter
) -> Path:
    """Write `count` figures to a new folder in the VITON layout. Returns the folder.

    Raises OutputError when the folder is not empty or can't be written.
    """
    root = Path(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise OutputError(f"{root}: already holds something; name a new or empty folder.")
    kinds = ("img", "color", "edge", "label", "pose", "other")
    folders = {kind: root / f"train_{kind}" for kind in kinds}
    try:
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        for index, sample in enumerate(samples(count, seed, height, width, progress)):
            person, garment = f"{index:06d}_0", f"{index:06d}_1"
            other = f"{(index + 1) % count:06d}_1"
            save_picture(sample.photo.image, folders["img"] / f"{person}.jpg")
            save_picture(sample.garment, folders["color"] / f"{garment}.jpg")
            save_picture(sample.garment_mask, folders["edge"] / f"{garment}.jpg")
            save_picture(sample.photo.label, folders["label"] / f"{person}.png")
            save_picture(sample.other_photo.image, folders["other"] / f"{person}_{other}.png")
            write_pose(folders["pose"] / f"{person}_keypoints.json", sample.photo.key_points)
        numbers = range(count)
        paired = "".join(f"{n:06d}_0.jpg {n:06d}_1.jpg\n" for n in numbers)
        unpaired = "".join(f"{n:06d}_0.jpg {(n + 1) % count:06d}_1.jpg\n" for n in numbers)
        (root / "train_pairs.txt").write_text(paired)
        (root / "unpaired_pairs.txt").write_text(unpaired)
    except OSError as error:
        raise OutputError(f"{root}: the data set can't be written ({error.strerror}).") from error
    return root
