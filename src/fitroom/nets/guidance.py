"""What guides the guided network: where a garment may lie, and maps of the body, all from the parser's output.

Nothing here has seen the colours of the old garment. Its label is used for the edit region alone, grown by a margin, so
that the region's outline tells little of the cut. Tensors have one working size (H, W), which need not be the
photo's; `shares` are probabilities (N, GROUPS, H, W) of `Group`, `points` key points (N, 18, 3) in pixels of the
working size.
"""

from enum import IntEnum

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom import body
from fitroom.body import PREDICTED, Label


class Group(IntEnum):
    """Labels that are treated alike. A pixel that belongs to none is background."""

    TOP = 0
    DRESS = 1
    LOWER = 2  # lower clothes, legs and shoes
    FACE = 3
    NECK = 4
    ARMS = 5
    HANDS = 6
    HAIR = 7
    OTHER = 8  # what is carried, and stays


LABELS_OF = {
    Group.TOP: (Label.UPPER_CLOTHES,),
    Group.DRESS: (Label.DRESS,),
    Group.LOWER: body.BELOW_HEM,
    Group.FACE: (Label.FACE,),
    Group.NECK: (Label.NECK,),
    Group.ARMS: body.ARMS,
    Group.HANDS: body.HANDS,
    Group.HAIR: (Label.HAIR,),
    Group.OTHER: (Label.OTHER,),
}
GROUPS = len(Group)
BLOB = 0.025  # standard deviation of a key point's blob, in heights of the picture
# the body template, in shoulder widths
TRUNK, CHEST, ARM, NECK = 0.5, 0.2, 0.3, 0.33  # beside the spine, the line of the shoulders, an arm, the neck
CHIN = 0.5  # of the way from neck to nose, up to which collars reach
BELOW_HIPS = 0.35  # of the trunk's length, that garments of any cut may reach below the hips
MARGIN = 6  # 256ths of the height by which the old garment is grown
LIKELY = 0.4  # probability from which a pixel counts as a group's
HAIR_BAND = 4  # 256ths of the height of hair beside the region that is painted again
JOINED = 8  # steps by which the region is followed from the trunk
BODY_CHANNELS = 17 + 3  # see `body_maps`
WARP_CHANNELS = 1 + BODY_CHANNELS + 3  # see `warp_maps`
PAINT_CHANNELS = 3 + 1 + 3 + 1  # see `paint_maps`


def pixel_centres(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return x (W,) and y (H,) of all pixels."""
    return torch.arange(width, device=device).float(), torch.arange(height, device=device).float()


def key_point_maps(points: Tensor, height: int, width: int) -> Tensor:
    """Draw key points (N, n, 3) as Gaussian blobs, (N, n, H, W) in [0, 1]; empty where a point is unknown."""
    x, y = pixel_centres(height, width, points.device)
    spread = 2 * (BLOB * height) ** 2
    across = torch.exp(-((x - points[..., :1]) ** 2) / spread)  # (N, n, W)
    down = torch.exp(-((y - points[..., 1:2]) ** 2) / spread) * (points[..., 2:] > 0)  # (N, n, H)
    return down.unsqueeze(-1) * across.unsqueeze(-2)


def distance_to_bone(start: Tensor, end: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the distance in pixels (N, H, W) to the segments from start to end (N, 2), and the position along them.

    The position is 0 at the start and 1 at the end, and lies outside [0, 1] beyond them.
    """
    x, y = pixel_centres(height, width, start.device)
    bone = end - start
    squared = bone.square().sum(1).clamp(min=1e-3)[:, None, None]
    dx, dy = x[None, None, :] - start[:, 0, None, None], y[None, :, None] - start[:, 1, None, None]
    along = (dx * bone[:, 0, None, None] + dy * bone[:, 1, None, None]) / squared
    nearest = along.clamp(0, 1)
    ex, ey = dx - nearest * bone[:, 0, None, None], dy - nearest * bone[:, 1, None, None]
    return torch.sqrt(ex.square() + ey.square()), along


def shoulder_width(points: Tensor) -> Tensor:
    """Return the distance of the shoulders (N,), pixels; at least 1."""
    across = points[:, body.LEFT_SHOULDER, :2] - points[:, body.RIGHT_SHOULDER, :2]
    return across.norm(dim=1).clamp(min=1)


def completed(points: Tensor) -> Tensor:
    """Place the hips and arms that are unknown, as `body.complete` does, and neck and nose; returns (N, 18, 2).

    Shoulders must be known.
    """
    known, place = points[..., 2:] > 0, points[..., :2].clone()
    across = place[:, body.LEFT_SHOULDER] - place[:, body.RIGHT_SHOULDER]
    down = torch.stack([-across[:, 1], across[:, 0]], dim=1)

    def put(row: int, where: Tensor) -> None:
        place[:, row] = torch.where(known[:, row], place[:, row], where)

    put(body.RIGHT_HIP, place[:, body.RIGHT_SHOULDER] + 1.45 * down + 0.14 * across)
    put(body.LEFT_HIP, place[:, body.LEFT_SHOULDER] + 1.45 * down - 0.14 * across)
    put(body.NECK, (place[:, body.LEFT_SHOULDER] + place[:, body.RIGHT_SHOULDER]) / 2)
    put(body.NOSE, place[:, body.NECK] - 0.55 * down)
    for shoulder, elbow, wrist in body.ARM_JOINTS.values():
        put(elbow, place[:, shoulder] + 0.85 * down)
        put(wrist, place[:, elbow] + 0.9 * (place[:, elbow] - place[:, shoulder]))
    return place


def body_template(points: Tensor, height: int, width: int) -> Tensor:
    """Draw where trunk, arms and neck of anybody with these joints lie, wide enough for any cut.

    Returns (N, 3, H, W) of 0 and 1. The trunk reaches below the hips, the arms end at the wrists.
    """
    unit = shoulder_width(points)[:, None, None]
    place = completed(points)
    hips = (place[:, body.RIGHT_HIP] + place[:, body.LEFT_HIP]) / 2
    neck = place[:, body.NECK]

    def within(start: Tensor, end: Tensor, reach: float) -> Tensor:
        return distance_to_bone(start, end, height, width)[0] < reach * unit

    trunk = within(neck, hips + BELOW_HIPS * (hips - neck), TRUNK)
    trunk = trunk | within(place[:, body.RIGHT_SHOULDER], place[:, body.LEFT_SHOULDER], CHEST)
    arms = torch.zeros_like(trunk)
    for shoulder, elbow, wrist in body.ARM_JOINTS.values():
        arms = arms | within(place[:, shoulder], place[:, elbow], ARM)
        arms = arms | within(place[:, elbow], place[:, wrist], ARM)
    return torch.stack([trunk, arms, within(neck, neck + CHIN * (place[:, body.NOSE] - neck), NECK)], dim=1).float()


def grouped(soft: Tensor) -> Tensor:
    """Add up the parser's probabilities (N, labels, h, w) of `body.PREDICTED` by groups, (N, GROUPS, h, w)."""
    rows = [[PREDICTED.index(label) for label in LABELS_OF[group]] for group in Group]
    return torch.cat([soft[:, row].sum(dim=1, keepdim=True) for row in rows], dim=1)


def of(shares: Tensor, group: Group) -> Tensor:
    """Return the probability of one group, (N, 1, H, W)."""
    return shares[:, group : group + 1]


def skin(shares: Tensor) -> Tensor:
    """Return the probability of face, neck, arms and hands, (N, 1, H, W)."""
    return shares[:, [Group.FACE, Group.NECK, Group.ARMS, Group.HANDS]].sum(dim=1, keepdim=True)


def grow(mask: Tensor, pixels: int) -> Tensor:
    """Grow a mask (N, 1, H, W) by so many pixels, in a square."""
    side = 2 * pixels + 1
    # along columns, then along rows: 2 * side values in place of side * side
    return F.max_pool2d(F.max_pool2d(mask, (side, 1), 1, (pixels, 0)), (1, side), 1, (0, pixels))


def scaled(pixels: int, height: int) -> int:
    """Return 256ths of the height in pixels, at least 1."""
    return max(round(pixels * int(height) / 256), 1)


def kept_out(shares: Tensor, old: Tensor) -> Tensor:
    """Find face, hands and what is carried, which no region includes, (N, 1, H, W) of 0 and 1.

    The pixels next to the old garment are not kept: they are mixed with its colour.
    """
    likely = (shares > LIKELY).float()
    kept = torch.maximum(torch.maximum(of(likely, Group.FACE), of(likely, Group.HANDS)), of(likely, Group.OTHER))
    return kept * (1 - grow(old, 1))


def above_hem(points: Tensor, height: int) -> Tensor:
    """Mark the rows in which a dress is replaced, (N, 1, H, 1) of 0 and 1; below them it stays as a skirt.

    They reach BELOW_HIPS of the trunk's length below the hips.
    """
    place = completed(points)[..., 1]
    hips = (place[:, body.RIGHT_HIP] + place[:, body.LEFT_HIP]) / 2
    end = hips + BELOW_HIPS * (hips - place[:, body.NECK])
    rows = torch.arange(height, device=points.device).float().view(1, 1, -1, 1)
    return (rows < end.view(-1, 1, 1, 1)).float()


def old_garment(shares: Tensor, points: Tensor) -> Tensor:
    """Find what is replaced, (N, 1, H, W) of 0 and 1: the top, and a dress above the hem."""
    dress = (of(shares, Group.TOP) + of(shares, Group.DRESS) > LIKELY).float() * above_hem(points, shares.shape[-2])
    return torch.maximum((of(shares, Group.TOP) > LIKELY).float(), dress)


def edit_region(shares: Tensor, old: Tensor, template: Tensor) -> Tensor:
    """Find where a look may differ from the photo, (N, 1, H, W) of 0 and 1, hair included.

    The body template joined with the old garment, grown by a margin; without face, hands and what is carried; connected
    to the trunk.
    """
    height = int(shares.shape[-2])
    neck = (of(shares, Group.NECK) > LIKELY).float()
    wide = torch.maximum(grow(old, scaled(MARGIN, height)), torch.maximum(template.amax(dim=1, keepdim=True), neck))
    region = wide * (1 - kept_out(shares, old))
    # what does not hang together with the trunk is a stray label
    free, reached = F.max_pool2d(region, 4), F.max_pool2d(template[:, :1] * region, 4)
    for _ in range(JOINED):
        reached = torch.minimum(grow(reached, 2), free)
    return region * F.interpolate(reached, scale_factor=4.0, mode="nearest")


def lower_clothes(shares: Tensor) -> Tensor:
    """Return the probability of what lies below a top, (N, 1, H, W); a dress continues there."""
    return of(shares, Group.LOWER) + of(shares, Group.DRESS)


def body_maps(points: Tensor, height: int, width: int) -> Tensor:
    """Draw a body from its key points (N, 18, 3), (N, BODY_CHANNELS, height, width): joints and the body template."""
    # the neck lies between the shoulders, and says nothing besides
    joints = torch.cat([points[:, : body.NECK], points[:, body.NECK + 1 :]], dim=1)
    return torch.cat([key_point_maps(joints, height, width), body_template(points, height, width)], dim=1)


def kept_labels(shares: Tensor, region: Tensor) -> Tensor:
    """Return the probabilities of face, lower clothes and hands outside the region, (N, 3, H, W)."""
    return torch.cat([of(shares, Group.FACE), lower_clothes(shares), of(shares, Group.HANDS)], dim=1) * (1 - region)


def warp_maps(shares: Tensor, drawn: Tensor, region: Tensor) -> Tensor:
    """Make the maps that show a person to the warp network, (N, WARP_CHANNELS, H, W).

    The region, `drawn`, which are `body_maps` of the same size, and probabilities of face, lower clothes and hands
    outside the region. No hair, around which necklines would bend, and no outline of the old garment.
    """
    return torch.cat([region, drawn, kept_labels(shares, region)], dim=1)


def hair_kept(shares: Tensor) -> Tensor:
    """Find the hair that stays the photo's own, (N, 1, H, W) of 0 and 1: all but a band along its outline."""
    hair = (of(shares, Group.HAIR) > LIKELY).float()
    return 1 - grow(1 - hair, scaled(HAIR_BAND, shares.shape[-2]))


def paint_maps(photo: Tensor, shares: Tensor, region: Tensor) -> Tensor:
    """Make the maps that show a person to the painter besides `body_maps`, (N, PAINT_CHANNELS, H, W).

    The photo (N, 3, H, W) in [-1, 1] without the region, the region itself, which leaves out the hair that is kept, and
    the probabilities of face, lower clothes, hands and hair outside the region.
    """
    hair = of(shares, Group.HAIR) * (1 - region)
    return torch.cat([photo * (1 - region), region, kept_labels(shares, region), hair], dim=1)
