"""Make training batches: choose the samples of a step and augment them, depending only on the step's number.

A run that is resumed, or spread over several processes, therefore sees the same samples as an uninterrupted run in one
process.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fitroom.body import OPPOSITE, PREDICTED, Label
from fitroom.data import augment
from fitroom.data.augment import AugmentConfig, Changes, draw
from fitroom.data.grounds import GroundConfig, compose_grounds, draw_grounds
from fitroom.train.samples import OFFERED, Fakes, Samples, most_apart

# order of a parser's probability channels in mirrored pictures
MIRRORED_SOFT = tuple(PREDICTED.index(OPPOSITE.get(label, label)) for label in PREDICTED)
ERASED = 16  # pixels by which a fake's garment may be narrower than the photo's, with background in between


class Batch(NamedTuple):
    """Tensors of one step on one device; pictures (N, 3, H, W) in [-1, 1], masks (N, 1, H, W) in [0, 1]."""

    rows: Tensor  # (N,) rows of the samples
    photo: Tensor  # the target of a look
    label: Tensor  # (N, H, W) parsing of the photo
    key_points: Tensor  # (N, 18, 3) pixels
    worn: Tensor  # mask of the garment in the photo
    garment: Tensor
    garment_mask: Tensor
    shown: Tensor  # the student's input: a fake, or the photo itself
    restored: Tensor  # (N,) 1 where `shown` is a fake, 0 where it is the photo itself
    paired: Tensor  # (N,) 1 where the garment is the one in the photo, 0 where it is another person's
    dense: Tensor | None = None  # (N, H, W) DensePose parts of the photo, if the data has them
    soft: Tensor | None = None  # (N, labels, H, W) a parser's probabilities of `body.PREDICTED`, if available
    known: Tensor | None = None  # weight of each pixel of `photo` and `worn` in the warp's losses; None: 1 everywhere


def generator_of(*numbers: int) -> torch.Generator:
    """Make a CPU generator whose seed depends only on the given numbers."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 1)
    return torch.Generator().manual_seed(seed)


def chosen(step: int, size: int, count: int, seed: int) -> Tensor:
    """Return the numbers (size,) of the samples of a step. Each of `count` samples comes once per epoch."""
    first = step * size
    numbers: list[int] = []
    for position in range(first, first + size):
        epoch, offset = divmod(position, count)
        if not numbers or offset == 0:
            order = torch.randperm(count, generator=generator_of(seed, 1, epoch))
        numbers.append(int(order[offset]))
    return torch.tensor(numbers)


def evenly(places: Tensor, count: int) -> Tensor:
    """Choose `count` of the places at equal distances, or all if there are fewer."""
    return places[torch.arange(min(count, len(places))) * len(places) // max(count, 1)]


class Batches:
    """Source of the training batch of any step."""

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
        """Set what batches are made of; `size` samples per step, over all processes.

        Of a student's samples, `own_share` show the photo itself, and `unpaired_share` show it together with another
        person's garment. If `street` is given, photos without people, uint8 (n, 3, H, W), new backgrounds are
        chosen from them.
        """
        self.street = street
        self.samples, self.fakes, self.config = samples, fakes, config
        self.size, self.own_share, self.unpaired_share, self.seed = size, own_share, unpaired_share, seed
        self.count = len(samples) if fakes is None else len(fakes.row)
        self.bare = samples.bare_arms() if unpaired_share else None

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """See `loop.Batches`."""
        height, width = self.samples.photo.shape[-2:]
        generator = generator_of(self.seed, 2, step)
        changes = draw(self.config, self.size, generator, width / height)
        # grounds are expensive to draw, so they are drawn only for the samples that get one
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
        # grounds can't use other samples' garments as patterns: each process has only its own samples
        behind = compose_grounds(grounds.rows(slice(earlier, earlier + within), device), height, width)
        if self.street is not None:
            photos = torch.randint(len(self.street), (earlier + within,), generator=generator_of(self.seed, 7, step))
            behind = to_unit(self.street[photos[earlier:].to(device)])
        return self.changed(rows, garments, shown, restored, changes.rows(part, device), behind)

    def as_they_are(self) -> tuple[Tensor, Tensor]:
        """Choose the samples of a step that show the photo itself, as two masks (size,).

        The first marks samples with the garment in the photo, the second samples with another person's garment.
        """
        places = torch.arange(self.size)
        own = places % max(round(1 / self.own_share), 1) == 0 if self.own_share else places < 0
        unpaired = torch.zeros_like(own)
        unpaired[evenly(places[~own], round(self.size * self.unpaired_share))] = True
        return own, unpaired

    def others(self, step: int, rows: Tensor, part: slice) -> Tensor:
        """Choose another person's garment for each row of a step's part; see `most_apart`.

        Without unpaired samples, the rows themselves are returned.
        """
        if self.bare is None:
            return rows
        generator = generator_of(self.seed, 3, step)
        offered = torch.randint(len(self.samples), (self.size, OFFERED), generator=generator)[part].to(rows.device)
        return most_apart(self.bare, rows, offered)

    def names(self, batch: Batch) -> list[str]:
        """See `loop.Batches`."""
        pairs = [self.samples.pairs[row] for row in batch.rows.tolist()]
        return [f"{pair.person} {pair.garment}" for pair in pairs]

    def changed(
        self, rows: Tensor, garments: Tensor, shown: Tensor | None, restored: Tensor, changes: Changes, behind: Tensor
    ) -> Batch:
        """Apply changes to samples. The photo, its label and `shown` are moved alike and get the same background.

        `garments` are the rows of the garments, which may differ from the rows of the persons. `behind` (m, 3, H, W)
        are the backgrounds of the samples that get a new one, in order.
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
    """Give some samples a studio background of other colours, in place. Return the photos and the student's inputs.

    The student's input is `shown` where `restored` is 1, and the photo elsewhere. Without `shown`, only the photos are
    returned.
    """
    before = changes.background.flatten(1).ne(1).any(1)
    stand_before(photo, label, changes.background, before)
    if shown is None:
        return [photo]
    stand_before(shown, label, changes.background, before, ERASED)
    # a copy, so that changing the garment's colours in the target does not change the student's input
    return [photo, torch.where(restored.view(-1, 1, 1, 1) > 0, shown, photo)]


def stand_before(picture: Tensor, label: Tensor, colours: Tensor, rows: Tensor, reach: int = 0) -> None:
    """Recolour the studio background of some rows of pictures, in place; see `augment.before`."""
    behind = augment.background_mask(picture[rows], label[rows], reach)
    picture[rows] = augment.before(picture[rows], behind, colours[rows])


def cut_outs(pictures: list[Tensor], label: Tensor, rows: Tensor) -> Tensor:
    """Return masks (N, k, H, W) of everything but the studio background in each of the k pictures.

    The pictures are photos and, where k is 2, fakes. Masks are 1 everywhere except in the given rows.
    """
    found = torch.ones_like(pictures[0][:, : len(pictures)])
    if rows.any():
        for number, (picture, reach) in enumerate(zip(pictures, (0, ERASED), strict=False)):
            found[rows, number] -= augment.background_mask(picture[rows], label[rows], reach)[:, 0]
    return found


def recolour_garments(photo: Tensor, label: Tensor, garment: Tensor, garment_mask: Tensor, changes: Changes) -> None:
    """Recolour some garments, in place and alike in the product shot and in the photo."""
    rows = changes.recoloured
    worn = (label[rows] == Label.UPPER_CLOTHES).float().unsqueeze(1)
    photo[rows] = augment.recolour(photo[rows], worn, changes.colour[rows])
    garment[rows] = augment.recolour(garment[rows], garment_mask[rows], changes.colour[rows])


def moved_label(label: Tensor, grid: Tensor, ends: Tensor) -> Tensor:
    """Resample labels (N, H, W) at a grid by nearest neighbour, uint8. Rows in `ends` are 0 beyond the crop's edge."""
    moved = augment.move(label.unsqueeze(1).float(), grid, mode="nearest").squeeze(1).to(torch.uint8)
    beyond = ends.view(-1, 1, 1) & (grid.abs().amax(dim=3) > 1)
    return moved.masked_fill(beyond, 0)


def ended(soft: Tensor, grid: Tensor, rows: Tensor) -> Tensor:
    """Return probabilities (N, labels, H, W) in which the given rows are certain background beyond the crop's edge."""
    beyond = rows.view(-1, 1, 1) & (grid.abs().amax(dim=3) > 1)
    nothing = torch.zeros_like(soft)
    nothing[:, PREDICTED.index(Label.BACKGROUND)] = 1
    return torch.where(beyond.unsqueeze(1), nothing, soft)


def put_elsewhere(pictures: Tensor, cut_out: Tensor, grid: Tensor, rows: Tensor, behind: Tensor) -> None:
    """Replace the background of some rows of pictures (N, 3 k, H, W) that were moved by a grid, in place.

    `cut_out` (N, k, H, W) are the foreground masks of the k pictures before they were moved. `behind` (m, 3, H, W) are
    the new backgrounds.
    """
    if not rows.any():
        return
    shown = augment.move(cut_out[rows], grid[rows], padding="zeros").repeat_interleave(3, dim=1)
    behind = behind.repeat(1, cut_out.shape[1], 1, 1)
    pictures[rows] = torch.lerp(behind, pictures[rows], shown)


def to_unit(picture: Tensor) -> Tensor:
    """Convert uint8 pictures to floats in [-1, 1]."""
    return (picture / 127.5).sub_(1)


def largest_divisor(number: int, most: int) -> int:
    """Return the largest divisor of a number that is at most `most`."""
    return next(size for size in range(min(most, number), 0, -1) if number % size == 0)
