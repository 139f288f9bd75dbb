"""Render fakes once and keep them as files: persons in other garments, by a network or by cutting and pasting.

Looks of a network are laid over the photo. A file is named PERSON_GARMENT.webp, after the person in the photo and the
new garment. Existing files are not rendered again.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from fitroom import body
from fitroom.body import Label
from fitroom.data.pack import open_reader
from fitroom.data.reader import Reader
from fitroom.data.viton import Pair
from fitroom.errors import DataError, OutputError
from fitroom.files import atomic_write
from fitroom.nets.interface import Dressed, TryOnNetwork
from fitroom.nets.registry import load_network
from fitroom.store import open_weights
from fitroom.train.batches import generator_of, to_unit
from fitroom.train.checkpoint import finished
from fitroom.train.processes import Precision
from fitroom.train.samples import OFFERED, Samples, fake_name, load_samples, most_apart
from fitroom.train.tasks.fakes import Subject, paste_garment, pose_distance
from fitroom.train.tasks.overlay import laid_over
from fitroom.train.tasks.teacher_input import is_label, parsed_person
from fitroom.train.tasks.tryon import pictures, told_teacher

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Image = NDArray[np.uint8]
View = Callable[[Samples, list[int]], Tensor]  # makes a network's input from the persons in some rows

BATCH = 16
NARROWEST = 45.0  # shoulder width in 256ths of the picture's height; narrower persons stand sideways
CANDIDATES = 10  # random donors for each fake; the one in the nearest pose gives the garment


def choose(bare: Tensor, each: int, seed: int) -> list[tuple[int, int]]:
    """Choose `each` other rows for every row, or all if there are fewer. Returns pairs (row, other).

    Each choice is the row with the most different bare arms among a few random rows; see `most_apart`. `bare` (n,) are
    the arm pixels of every row. Most garments and most persons have short sleeves, so with a purely random choice few
    fakes would hide arms that the photo shows, or show arms that it hides.
    """
    chosen = []
    for row in range(len(bare)):
        others = torch.randperm(len(bare) - 1, generator=generator_of(seed, row))[: each * OFFERED]
        others += others >= row
        groups = others.tensor_split(min(each, len(others))) if len(others) else ()
        chosen += [(row, int(most_apart(bare, torch.tensor([row]), offered.unsqueeze(0)))) for offered in groups]
    return chosen


def open_folder(folder: str | Path) -> Path:
    """Make the folder for fakes, if needed, and return its path. Raises OutputError."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: can't be made ({error.strerror}).") from error
    return folder


def write_fake(folder: Path, name: str, picture: Image) -> None:
    """Write a fake (H, W, 3) RGB atomically. Raises OutputError."""
    encoded = cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, 92])[1]
    with atomic_write(folder / name, remedy="; free some space and go on") as part:
        part.write_bytes(encoded.tobytes())


def teachers_view(samples: Samples, rows: list[int]) -> Tensor:
    """Make a teacher's input from the persons in some rows."""
    dense = None if samples.dense is None else samples.dense[rows]
    return parsed_person(to_unit(samples.photo[rows]), samples.label[rows], samples.key_points[rows], dense)


def students_view(samples: Samples, rows: list[int]) -> Tensor:
    """Make a student's input from the persons in some rows."""
    return to_unit(samples.photo[rows])


@torch.no_grad()
def render_by_network(
    network: TryOnNetwork,
    view: View,
    samples: Samples,
    folder: str | Path,
    each: int,
    seed: int,
    progress: Progress,
) -> int:
    """Dress every person of some samples in `each` other garments with a network. Returns the number of new fakes.

    `view` makes the network's input. The network should be in evaluation mode, on the device of the samples. Raises
    OutputError.
    """
    folder = open_folder(folder)
    wanted = []
    for row, other in choose(samples.bare_arms().cpu(), each, seed):
        name = fake_name(Pair(samples.pairs[row].person, samples.pairs[other].garment))
        if not (folder / name).exists():
            wanted.append((row, other, name))
    parts = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
    with ThreadPoolExecutor(2) as pool:
        for part in progress(parts, len(parts)):
            rows, others = ([item[side] for item in part] for side in (0, 1))
            mask = (samples.garment_mask[others].unsqueeze(1) > 127).float()
            dressed = network(view(samples, rows), to_unit(samples.garment[others]), mask)
            dressed = Dressed(*(tensor.float() for tensor in dressed))
            worn = is_label(samples.label[rows], Label.UPPER_CLOTHES, Label.NOISE)
            told = to_unit(samples.photo[rows]), worn, samples.key_points[rows]
            looks = pictures(laid_over(dressed, *told))
            list(pool.map(partial(write_fake, folder), [name for _, _, name in part], looks))
    return len(wanted)


def render_by_cutting(
    data: str | Path, pairs: str, folder: str | Path, each: int, seed: int, processes: int, progress: Progress
) -> int:
    """Dress every person who faces the camera in `each` garments cut from other photos.

    Returns the number of new fakes. Raises DataError, OutputError.
    """
    folder = open_folder(folder)
    reader = open_reader(data)
    listed = [(pair, body.complete(reader.pose(pair.person))) for pair in reader.pairs(pairs).pairs]
    height = reader.photo(listed[0][0].person).shape[0]
    facing = [
        (pair, skeleton)
        for pair, skeleton in listed
        if skeleton is not None and skeleton.shoulder_width >= NARROWEST * height / 256
    ]
    if len(facing) < 2:
        raise DataError(f"{pairs}: found {len(facing)} persons who face the camera; fakes need at least two.")
    cut = partial(cut_fakes, data=data, people=facing, folder=folder, each=each, seed=seed)
    # spawned, not forked: a fork of a process whose libraries run threads can deadlock
    with get_context("spawn").Pool(processes) as pool:
        return sum(progress(pool.imap_unordered(cut, range(len(facing)), chunksize=8), len(facing)))


@lru_cache(maxsize=1)
def reader_of(data: str | Path) -> Reader:
    """Open the data, once per process."""
    return open_reader(data)


def cut_fakes(
    row: int, data: str | Path, people: list[tuple[Pair, body.Skeleton]], folder: Path, each: int, seed: int
) -> int:
    """Make the fakes of one person, and return the number of new ones.

    For each fake, the garment comes from the person in the most similar pose among CANDIDATES random ones.
    """
    cv2.setNumThreads(1)
    reader = reader_of(data)

    def subject(of: tuple[Pair, body.Skeleton]) -> Subject:
        return Subject(reader.photo(of[0].person), reader.label(of[0].person), of[1])

    made = 0
    for variant in range(each):
        rng = np.random.default_rng([seed, row, variant])
        drawn = rng.choice(len(people) - 1, min(CANDIDATES, len(people) - 1), replace=False)
        donors = [people[other + (other >= row)] for other in drawn]
        donor = min(donors, key=lambda other: pose_distance(people[row][1], other[1]))
        name = fake_name(Pair(people[row][0].person, donor[0].garment))
        if not (folder / name).exists():
            write_fake(folder, name, paste_garment(subject(people[row]), subject(donor), rng))
            made += 1
    return made


def render_teacher(
    data: str | Path, work: str | Path, pairs: str, each: int, seed: int, precision: Precision, progress: Progress
) -> tuple[int, Path]:
    """Dress every person in other garments with the teacher. Returns the number of new fakes, and their folder.

    Raises DataError, OutputError, and WeightsError if the teacher's last stage has no checkpoint.
    """
    teacher = finished(Path(work), "pb_generator", "render-fakes")
    network = told_teacher(teacher, open_reader(data).dense)
    folder = Path(work) / "fakes"
    return render_network(network, teachers_view, data, pairs, folder, each, seed, precision, progress), folder


def render_student(
    weights: str,
    data: str | Path,
    work: str | Path,
    pairs: str,
    each: int,
    seed: int,
    precision: Precision,
    progress: Progress,
) -> tuple[int, Path]:
    """Dress every person in other garments with a student, to train the next student.

    Returns the number of new fakes, and their folder. Raises DataError, OutputError, WeightsError.
    """
    network = load_network(open_weights(weights))
    folder = Path(work) / "student-fakes"
    return render_network(network, students_view, data, pairs, folder, each, seed, precision, progress), folder


def render_network(
    network: TryOnNetwork,
    view: View,
    data: str | Path,
    pairs: str,
    folder: Path,
    each: int,
    seed: int,
    precision: Precision,
    progress: Progress,
) -> int:
    """Dress every person of a list in other garments with a network, at 256x192. Returns the number of new fakes."""
    fabric = Fabric(devices=1, precision=precision)
    reader = open_reader(data)
    samples = load_samples(reader, reader.pairs(pairs).pairs, 256, 192, 2, progress).to(fabric.device)
    with fabric.autocast():
        return render_by_network(network.to(fabric.device), view, samples, folder, each, seed, progress)


def render_cut(
    data: str | Path, work: str | Path, pairs: str, each: int, seed: int, progress: Progress
) -> tuple[int, Path]:
    """Dress persons in garments cut from other photos. Returns the number of new fakes, and their folder.

    Raises DataError, OutputError.
    """
    folder = Path(work) / "cut-fakes"
    return render_by_cutting(data, pairs, folder, each, seed, 2, progress), folder
