"""Batches: which samples a step sees, and how they are changed, decided by the step's number alone.

A run that is taken up again, or spread over several processes, therefore sees what an unbroken single one sees.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fitroom.body import OPPOSITE, PREDICTED, Label
from fitroom.data import augment
from fitroom.data.augment import AugmentConfig, Changes, draw
from fitroom.data.grounds import GroundConfig, compose_grounds, draw_grounds
from fitroom.train.samples import OFFERED, Fakes, Samples, most_apart

# channels of a parser's probabilities in mirrored pictures
MIRRORED_SOFT = tuple(PREDICTED.index(OPPOSITE.get(label, label)) for label in PREDICTED)
ERASED = 16  # pixels that a fake's garment may be narrower than the photo's, with background between


class Batch(NamedTuple):
    """Tensors of one step on one device; pictures (N, 3, H, W) in [-1, 1], masks (N, 1, H, W) in [0, 1]."""

    rows: Tensor  # (N,) rows of the samples
    photo: Tensor  # what a look should be
    label: Tensor  # (N, H, W) parsing of the photo
    key_points: Tensor  # (N, 18, 3) pixels
    worn: Tensor  # mask of the garment in the photo
    garment: Tensor
    garment_mask: Tensor
    shown: Tensor  # what a student sees of the person: a fake, or the photo itself
    restored: Tensor  # (N,) 1 where `shown` is a fake, 0 where it is the photo itself
    paired: Tensor  # (N,) 1 where the garment is the one worn in the photo, 0 where it is somebody else's
    dense: Tensor | None = None  # (N, H, W) DensePose's parts of the photo, where the data has them
    soft: Tensor | None = None  # (N, labels, H, W) a parser's probabilities of `body.PREDICTED`, where there are some
    known: Tensor | None = None  # how much of how the garment lies `photo` tells there, 0 nothing; None: 1 everywhere


def generator_of(*numbers: int) -> torch.Generator:
    """A CPU generator that depends on some numbers alone."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 1)
    return torch.Generator().manual_seed(seed)


def chosen(step: int, size: int, count: int, seed: int) -> Tensor:
    """Numbers of the samples, of so many, that a step sees (size,): each once in an epoch."""
    first = step * size
    numbers: list[int] = []
    for position in range(first, first + size):
        epoch, offset = divmod(position, count)
        if not numbers or offset == 0:
            order = torch.randperm(count, generator=generator_of(seed, 1, epoch))
        numbers.append(int(order[offset]))
    return torch.tensor(numbers)


def evenly(places: Tensor, count: int) -> Tensor:
    """So many of some places, at equal distances."""
    return places[torch.arange(min(count, len(places))) * len(places) // max(count, 1)]


class Batches:
    """Makes the batch of any step."""

    def __init__(
        self,
        samples: Samples,
        fakes: Fakes | None,
        config: AugmentConfig,
        size: int,
        own_share: float = 0.0,
        seed: int = 0,
        unpaired_share: float = 0.0,
        street: Tensor | None = None,
    ) -> None:
        """`size` samples a step, over all processes; of a student's, `own_share` see the photo itself, and
        `unpaired_share` see it with somebody else's garment. Samples that stand elsewhere do so before `street`, photos
        without people (n, 3, H, W), where there are some.
        """
        self.street = street
        self.samples, self.fakes, self.config = samples, fakes, config
        self.size, self.own_share, self.unpaired_share, self.seed = size, own_share, unpaired_share, seed
        self.count = len(samples) if fakes is None else len(fakes.row)
        self.bare = samples.bare_arms() if unpaired_share else None

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The batch of a step, or the rank-th of `world` equal parts of it."""
        height, width = self.samples.photo.shape[-2:]
        generator = generator_of(self.seed, 2, step)
        changes = draw(self.config, self.size, generator, width / height)
        # a ground costs more than all else that is drawn: those alone that stand before one get it
        grounds = draw_grounds(GroundConfig(), int(changes.elsewhere.sum()), generator, width / height)
        own, unpaired = self.as_they_are()
        numbers = chosen(step, self.size, self.count, self.seed)
        part = slice(rank * self.size // world, (rank + 1) * self.size // world)
        device = self.samples.photo.device
        numbers = numbers[part].to(device)
        restored = torch.ones(len(numbers), device=device)
        if self.fakes is None:
            rows, garments, shown = numbers, numbers, None
        else:
            rows, shown = self.fakes.row[numbers], to_unit(self.fakes.picture[numbers])
            restored = (~(own | unpaired)[part]).float().to(device)
            garments = torch.where(unpaired[part].to(device), self.others(step, rows, part), rows)
        earlier, within = (int(changes.elsewhere[some].sum()) for some in (slice(part.start), part))
        # no sample's garment is the pattern of another's ground: every process has its own samples alone
        behind = compose_grounds(grounds.rows(slice(earlier, earlier + within), device), height, width)
        if self.street is not None:
            photos = torch.randint(len(self.street), (earlier + within,), generator=generator_of(self.seed, 7, step))
            behind = to_unit(self.street[photos[earlier:].to(device)])
        return self.changed(rows, garments, shown, restored, changes.rows(part, device), behind)

    def as_they_are(self) -> tuple[Tensor, Tensor]:
        """Which of a step's samples (size,) show a photo in its own garment, and which in somebody else's."""
        places = torch.arange(self.size)
        own = places % max(round(1 / self.own_share), 1) == 0 if self.own_share else places < 0
        unpaired = torch.zeros_like(own)
        unpaired[evenly(places[~own], round(self.size * self.unpaired_share))] = True
        return own, unpaired

    def others(self, step: int, rows: Tensor, part: slice) -> Tensor:
        """For each row of a step's part another one: of a few, that whose photo shows the most different arms."""
        if self.bare is None:
            return rows
        generator = generator_of(self.seed, 3, step)
        offered = torch.randint(len(self.samples), (self.size, OFFERED), generator=generator)[part].to(rows.device)
        return most_apart(self.bare, rows, offered)

    def names(self, batch: Batch) -> list[str]:
        """Files that a batch was made of."""
        pairs = [self.samples.pairs[row] for row in batch.rows.tolist()]
        return [f"{pair.person} {pair.garment}" for pair in pairs]

    def changed(
        self, rows: Tensor, garments: Tensor, shown: Tensor | None, restored: Tensor, changes: Changes, behind: Tensor
    ) -> Batch:
        """Apply changes to samples; photo, label and what is shown of a person move alike, before the same ground.

        `garments` are the rows of the garments, which need not be those of the persons. `behind` (m, 3, H, W) is what
        the samples that stand elsewhere stand before, in their order.
        """
        samples, (height, width) = self.samples, self.samples.photo.shape[-2:]
        label, garment = samples.label[rows], to_unit(samples.garment[garments])
        garment_mask = samples.garment_mask[garments].unsqueeze(1) / 255
        person, flat = (
            augment.grid_of(augment.mirrored(matrices, changes.flip), height, width)
            for matrices in (changes.person, changes.garment)
        )
        seen = in_studio(to_unit(samples.photo[rows]), shown, label, restored, changes)
        cut_out = cut_outs(seen, label, changes.elsewhere)
        recolour_garments(seen[0], label, garment, garment_mask, changes)
        pictures = augment.move(augment.relight(torch.cat(seen, dim=1), changes.light), person)
        put_elsewhere(pictures, cut_out, person, changes.elsewhere, behind)
        garment = augment.move(garment, flat)
        garment_mask = (augment.move(garment_mask, flat, padding="zeros") > 0.5).float()
        label = moved_label(augment.swap_sides(label, changes.flip), person, changes.elsewhere)
        dense = samples.dense
        if dense is not None:
            dense = augment.swap_sides(dense[rows], changes.flip, augment.MIRRORED_DENSE)
            dense = moved_label(dense, person, changes.elsewhere)
        soft = samples.soft
        if soft is not None:
            soft = augment.move(augment.swap_channels(soft[rows].float() / 255, changes.flip, MIRRORED_SOFT), person)
            soft = ended(soft, person, changes.elsewhere)
        points = augment.mirror_points(samples.key_points[rows], changes.flip, width)
        points = augment.move_points(points, changes.person, height, width)
        worn = (label == Label.UPPER_CLOTHES).float().unsqueeze(1)
        shown_person, paired = pictures[:, -3:], (rows == garments).float()
        return Batch(
            rows,
            pictures[:, :3],
            label,
            points,
            worn,
            garment,
            garment_mask,
            shown_person,
            restored,
            paired,
            dense,
            soft,
        )


def in_studio(photo: Tensor, shown: Tensor | None, label: Tensor, restored: Tensor, changes: Changes) -> list[Tensor]:
    """Photos, and behind them what is shown of the persons, if not they: some before a studio of other colours."""
    before = changes.background.flatten(1).ne(1).any(1)
    stand_before(photo, label, changes.background, before)
    if shown is None:
        return [photo]
    stand_before(shown, label, changes.background, before, ERASED)
    # a copy: a photo shown as it is keeps its garment's colours when the target's are changed
    return [photo, torch.where(restored.view(-1, 1, 1, 1) > 0, shown, photo)]


def stand_before(picture: Tensor, label: Tensor, colours: Tensor, rows: Tensor, reach: int = 0) -> None:
    """Give the studio background of some rows of pictures other colours, in place; see `augment.before`."""
    behind = augment.background_mask(picture[rows], label[rows], reach)
    picture[rows] = augment.before(picture[rows], behind, colours[rows])


def cut_outs(pictures: list[Tensor], label: Tensor, rows: Tensor) -> Tensor:
    """Masks (N, k, H, W) of what is no studio background in photos and, where k is 2, fakes; ones but in some rows."""
    found = torch.ones_like(pictures[0][:, : len(pictures)])
    if rows.any():
        for number, (picture, reach) in enumerate(zip(pictures, (0, ERASED), strict=False)):
            found[rows, number] -= augment.background_mask(picture[rows], label[rows], reach)[:, 0]
    return found


def recolour_garments(photo: Tensor, label: Tensor, garment: Tensor, garment_mask: Tensor, changes: Changes) -> None:
    """Give some garments new colours, in place: the same on the product shot and where it is worn."""
    rows = changes.recoloured
    worn = (label[rows] == Label.UPPER_CLOTHES).float().unsqueeze(1)
    photo[rows] = augment.recolour(photo[rows], worn, changes.colour[rows])
    garment[rows] = augment.recolour(garment[rows], garment_mask[rows], changes.colour[rows])


def moved_label(label: Tensor, grid: Tensor, ends: Tensor) -> Tensor:
    """Labels (N, H, W) resampled at a grid, each value from its nearest pixel; rows that end at their crop's edge are 0
    beyond it.
    """
    moved = augment.move(label.unsqueeze(1).float(), grid, mode="nearest").squeeze(1).to(torch.uint8)
    beyond = ends.view(-1, 1, 1) & (grid.abs().amax(dim=3) > 1)
    return moved.masked_fill(beyond, 0)


def ended(soft: Tensor, grid: Tensor, rows: Tensor) -> Tensor:
    """Probabilities (N, labels, H, W) that are sure of background beyond the crop, in rows that end where it ends."""
    beyond = rows.view(-1, 1, 1) & (grid.abs().amax(dim=3) > 1)
    nothing = torch.zeros_like(soft)
    nothing[:, PREDICTED.index(Label.BACKGROUND)] = 1
    return torch.where(beyond.unsqueeze(1), nothing, soft)


def put_elsewhere(pictures: Tensor, cut_out: Tensor, grid: Tensor, rows: Tensor, behind: Tensor) -> None:
    """Put something behind some rows of pictures (N, 3 k, H, W) that were moved by a grid, in place.

    `cut_out` are masks (N, k, H, W) of what is no background in each of the k, before it was moved.
    """
    if not rows.any():
        return
    shown = augment.move(cut_out[rows], grid[rows], padding="zeros").repeat_interleave(3, dim=1)
    behind = behind.repeat(1, cut_out.shape[1], 1, 1)
    pictures[rows] = torch.lerp(behind, pictures[rows], shown)


def to_unit(picture: Tensor) -> Tensor:
    """uint8 pictures to [-1, 1]."""
    return (picture / 127.5).sub_(1)


def largest_divisor(number: int, most: int) -> int:
    """The largest divisor of a number that is at most `most`."""
    return next(size for size in range(min(most, number), 0, -1) if number % size == 0)
