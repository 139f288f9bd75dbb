"""A network's look laid over the photo: the photo's own pixels wherever neither garment lies."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.nets.interface import Dressed
from fitroom.train.tasks.losses import change_target
from fitroom.train.tasks.teacher_input import neck

BEYOND_WORN = 3  # pixels that a worn garment may reach beyond its label
BEYOND_NEW = 1  # pixels that a new one may reach beyond where it is composed
COMPOSED = 0.1  # composition from which on a new garment shows
UNLIKE = 0.3  # how far a teacher's neck is from the photo's, in [-1, 1], where that one shows a collar


def painted_region(dressed: Dressed, photo: Tensor, worn: Tensor, points: Tensor) -> Tensor:
    """Find where looks are laid over photos (N, 3, H, W), (N, 1, H, W) in [0, 1].

    On the old garment, whose mask is `worn`, on the new one, and near either; on necks, whose collars labels miss,
    where look and photo differ.
    """
    new = (dressed.composition > COMPOSED).float()
    collar = change_target(dressed.look, photo, torch.zeros_like(new), UNLIKE) * neck(points, *photo.shape[-2:])
    rims = [F.max_pool2d(mask, 2 * reach + 1, 1, reach) for mask, reach in ((worn, BEYOND_WORN), (new, BEYOND_NEW))]
    painted = torch.stack([*rims, collar]).amax(dim=0)
    return F.avg_pool2d(painted, 3, 1, 1, count_include_pad=False)


def laid_over(dressed: Dressed, photo: Tensor, worn: Tensor, points: Tensor) -> Tensor:
    """Give looks (N, 3, H, W) the photos' own pixels outside their `painted_region`.

    A teacher paints anew all that is erased from its view, blocks around the garment. A student who learned to restore
    photos from that would paint beside garments too.
    """
    return torch.lerp(photo, dressed.look, painted_region(dressed, photo, worn, points))
