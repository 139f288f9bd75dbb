"""Tests of the teacher's input, which hides the garment in the photo and keeps the rest."""

import torch

from fitroom import body
from fitroom.nets.guidance import distance_to_bone, key_point_maps
from fitroom.train.tasks.teacher_input import PARSED, erased_region, parsed_person


def tensors(photo):
    picture = torch.from_numpy(photo.image).permute(2, 0, 1).unsqueeze(0).float() / 127.5 - 1
    return picture, torch.from_numpy(photo.label).unsqueeze(0), torch.from_numpy(photo.key_points).float().unsqueeze(0)


def test_parsed_person_keeps_the_photo_outside_the_erased_region(sample):
    picture, label, points = tensors(sample.photo)
    parsed = parsed_person(picture, label, points)
    assert parsed.shape == (1, PARSED, 256, 192)
    kept = parsed[:, 3:4] == 0
    assert torch.equal(torch.where(kept, parsed[:, :3], 0), torch.where(kept, picture, 0))
    assert not torch.where(kept, 0, parsed[:, :3]).any()
    face = (label == 12).unsqueeze(1)
    assert kept[face].all()


def test_erased_region_covers_garment_and_neck(sample):
    _, label, points = tensors(sample.photo)
    erased = erased_region(label, points)[0, 0] > 0
    assert erased[label[0] == 4].float().mean() > 0.99
    x, y = points[0, body.NECK, :2].int().tolist()
    assert erased[y, x]
    assert erased[y - 5, x]


def test_erased_region_is_similar_for_two_garments(sample):
    """The region hardly depends on the sleeves, because wide arms are erased around the bones."""
    regions = [erased_region(*tensors(photo)[1:])[0, 0] for photo in (sample.photo, sample.other_photo)]
    worn = [tensors(photo)[1][0] == 4 for photo in (sample.photo, sample.other_photo)]
    assert (regions[0] != regions[1]).float().mean() < 0.5 * (worn[0] != worn[1]).float().mean() + 0.02


def test_key_point_maps_have_blobs_only_at_known_joints():
    points = torch.zeros(1, 18, 3)
    points[0, 3] = torch.tensor([20.0, 40.0, 0.9])
    maps = key_point_maps(points, 64, 48)
    assert divmod(int(maps[0, 3].argmax()), 48) == (40, 20)
    assert maps[0, 3].max() == 1
    assert not maps[0, 4].any()


def test_distance_to_bone():
    distance, along = distance_to_bone(torch.tensor([[10.0, 10.0]]), torch.tensor([[20.0, 10.0]]), 32, 32)
    assert distance[0, 14, 15] == 4
    assert distance[0, 10, 23] == 3
    assert along[0, 10, 15] == 0.5
    assert along[0, 10, 25] == 1.5
