"""Cut-and-paste fakes."""

import numpy as np

from fitroom.data.limbs import complete
from fitroom.train.fakes import Subject, fill_from, paste_garment


def subjects(sample) -> list[Subject]:
    return [Subject(p.image, p.label, complete(p.key_points)) for p in (sample.photo, sample.other_photo)]


def test_fakes_leave_face_and_hair_and_change_the_garment(sample, rng):
    subject, donor = subjects(sample)
    fake = paste_garment(subject, donor, rng)
    assert fake.shape == subject.image.shape
    inner = np.isin(subject.label, (1, 12))
    assert np.abs(fake[inner].astype(int) - subject.image[inner]).mean() < 3
    assert np.abs(fake.astype(int) - subject.image)[subject.label == 4].mean() > 10


def test_holes_are_filled_with_what_is_near():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :20] = (200, 0, 0)
    known = np.zeros((40, 40), bool)
    known[:, :10] = known[:, 30:] = True
    image[:, 10:30] = 99
    fill_from(image, known, ~known)
    assert (image[20, 13] == (200, 0, 0)).all()
    assert (image[20, 27] == 0).all()
