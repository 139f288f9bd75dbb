"""What unpaired samples teach: photos as they are, with somebody else's garment, which nobody photographed there.

A teacher, who is told what to erase and so can't leave any of the old garment, stands in for the truth: its warp around
the arms, and its paint where the old garment was.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.body import Label
from fitroom.nets.interface import Dressed, TryOnNetwork
from fitroom.nets.sampling import sample
from fitroom.train.batches import Batch
from fitroom.train.tasks.losses import cross_entropy
from fitroom.train.tasks.overlay import painted_region
from fitroom.train.tasks.teacher_input import arms_and_hands, in_front, is_label, neck
from fitroom.train.tasks.uncovered import bare_arms, uncovered_difference

RIM = 1  # pixels that a garment may reach beyond its label
TRIM = 4  # pixels by which a warped garment may be too large: paired samples tell where it ends


def rows_of(batch: Batch, rows: Tensor) -> Batch:
    """Choose rows of a batch by a mask (N,)."""
    return Batch(*(None if tensor is None else tensor[rows] for tensor in batch))  # type: ignore[arg-type]


@torch.no_grad()
def with_warp_of(teacher: TryOnNetwork, told: Callable[[Batch], Tensor], sleeves: float, batch: Batch) -> Batch:
    """Replace the photos of unpaired samples in a batch by a teacher's warp.

    Nobody photographed these persons in these garments. The warp counts around the arms alone, by `sleeves`: a teacher
    sees no neck, and lays the inside of collars over it. `told` makes what the teacher is shown of persons.
    """
    rows = batch.paired < 1
    if not rows.any():
        return batch
    some = rows_of(batch, rows)
    features = teacher.person_features(told(some))
    flow = teacher.flows(features, teacher.garment_features(some.garment, some.garment_mask))[-1]
    worn = (sample(some.garment_mask, flow, teacher.align_corners, padding="zeros") > 0.5).to(batch.worn.dtype)
    arms, _ = arms_and_hands(some.key_points, some.label)
    photo, worn_of_all, known = batch.photo.clone(), batch.worn.clone(), torch.ones_like(batch.worn)
    known[rows] = sleeves * (arms * (1 - neck(some.key_points, *some.label.shape[-2:]))).to(known.dtype)
    photo[rows] = sample(some.garment, flow, teacher.align_corners).to(photo.dtype) * worn
    worn_of_all[rows] = worn
    return batch._replace(photo=photo, worn=worn_of_all, known=known)


def unpaired_look_losses(dressed: Dressed, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
    """Compute what a batch's unpaired samples, whose `worn` is a teacher's, add to losses of the look.

    Returns the losses by name, and where the discriminator judges these samples, (N, 1, H, W) of 0 and 1.
    """
    some = batch.paired < 1
    unpaired = some.view(-1, 1, 1, 1).to(dressed.look.dtype)
    arms, before, free = unpaired_regions(batch)
    # on arms the teacher tells; elsewhere what the student's own warp lays there shows, but for its outline
    warped = dressed.warped_mask.detach()
    wanted = torch.where(arms > 0, batch.worn, 1) * warped
    told = torch.maximum(arms, -F.max_pool2d(-warped, 2 * TRIM + 1, 1, TRIM)) * free
    # as of paired samples, what changes is what was worn and what is put on
    changes = torch.maximum(before, wanted * free) * unpaired
    gone = before * (1 - batch.worn) * (1 - dressed.composition.detach())
    shown = (tensor[some] for tensor in (dressed.rendered, batch.shown, batch.label, batch.key_points, gone))
    values = {
        "composition": ((dressed.composition - wanted).abs() * told * unpaired).mean(),
        "change": (cross_entropy(dressed.change, torch.ones_like(changes)) * changes).mean(),
        "uncovered": uncovered_difference(*shown) * some.float().mean(),
    }
    return values, torch.maximum(before, batch.worn * arms) * unpaired


def unpaired_regions(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Find where something is known of an unpaired sample's look, three masks (N, 1, H, W) of 0 and 1.

    Bare arms, which sleeves may cover; the old garment, which has to go with its rim; and all that garments may cover.
    Hair, face, hands, and what is next to them are left out. Nothing is known of necks: a teacher lays the inside of
    collars over them.
    """
    outside = behind(batch)
    before = F.max_pool2d(is_label(batch.label, Label.UPPER_CLOTHES), 2 * RIM + 1, 1, RIM)
    throat = neck(batch.key_points, *batch.label.shape[-2:])
    return is_label(batch.label, Label.LEFT_ARM, Label.RIGHT_ARM) * outside, before * outside, outside * (1 - throat)


def behind(batch: Batch) -> Tensor:
    """All but hair, face, hands, and what is next to them, (N, 1, H, W) of 0 and 1."""
    return 1 - F.max_pool2d(in_front(batch.label, batch.key_points), 5, 1, 2)


def told_look_difference(
    teacher: TryOnNetwork, told: Callable[[Batch], Tensor], look: Tensor, flow: Tensor, batch: Batch
) -> Tensor:
    """Compute the L1 between looks of unpaired samples and those that a teacher's generator makes of the same flow.

    It counts where the old garment was or the new one lies; 0 without such samples. `told` makes what the teacher is
    shown of persons. Bare arms do not count where they show: a teacher, who sees none, paints some too dark.
    """
    rows = batch.paired < 1
    if not rows.any():
        return look.new_zeros(())
    some = rows_of(batch, rows)
    with torch.no_grad():
        person = told(some)
        known = teacher.person_features(person)
        taught = teacher.generate(person, some.garment, some.garment_mask, flow[rows].detach(), known)
        taught = Dressed(*(tensor.to(some.photo.dtype) for tensor in taught))
        region = painted_region(
            taught, some.photo, is_label(some.label, Label.UPPER_CLOTHES), some.key_points
        ) * behind(some)
        bare = bare_arms(some.key_points, *some.label.shape[-2:]) * (1 - taught.composition)
    difference = (look[rows] - taught.look).abs() * region * (1 - bare)
    return difference.mean() * rows.float().mean()
