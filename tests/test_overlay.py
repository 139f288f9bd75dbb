"""Tests of laying a look over the photo."""

import torch

from fitroom.body import LEFT_SHOULDER, NECK, NOSE, RIGHT_SHOULDER
from fitroom.nets.interface import Dressed
from fitroom.train.tasks.overlay import laid_over


def test_fake_differs_from_the_photo_only_near_both_garments_and_on_collars():
    worn, new = torch.zeros(1, 1, 64, 48), torch.zeros(1, 1, 64, 48)
    worn[..., 30:38, 10:20] = 1
    new[:, :, 44:54, 30:40] = 1
    points = torch.zeros(1, 18, 3)
    for joint, (x, y) in {NECK: (24, 16), NOSE: (24, 12), RIGHT_SHOULDER: (14, 16), LEFT_SHOULDER: (34, 16)}.items():
        points[0, joint] = torch.tensor([x, y, 1.0])
    photo, nothing = torch.full((1, 3, 64, 48), -0.3), torch.zeros(1, 1, 64, 48)
    painted = photo + 0.2
    collar = slice(14, 19), slice(21, 26)
    painted[..., *collar] = 0.9
    dressed = Dressed(painted, torch.zeros(1, 2, 64, 48), painted, nothing, painted, new, nothing + 1)
    fake = laid_over(dressed, photo, worn, points)
    # the old garment grows by three pixels, the new one by one; the outermost pixel is blended
    for rows, columns in ((slice(28, 40), slice(8, 22)), (slice(44, 54), slice(30, 40)), collar):
        assert torch.equal(fake[..., rows, columns], painted[..., rows, columns])
    apart = torch.ones(64, 48, dtype=torch.bool)
    apart[26:42, 6:24] = apart[42:56, 28:42] = apart[10:23, 17:30] = False
    assert torch.equal(fake[..., apart], photo[..., apart])
