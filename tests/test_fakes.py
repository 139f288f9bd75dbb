"""Tests of cut-and-paste fakes."""

import numpy as np

from fitroom.body import Label, complete
from fitroom.data.synthetic import samples
from fitroom.photo.foreground import hands
from fitroom.train.tasks import fakes
from fitroom.train.tasks.fakes import Subject, fill_from, in_skin_of, paste_garment


def subjects(sample) -> list[Subject]:
    return [Subject(p.image, p.label, complete(p.key_points)) for p in (sample.photo, sample.other_photo)]


def test_fakes_keep_face_and_hair_and_change_the_garment(sample, rng):
    subject, donor = subjects(sample)
    fake = paste_garment(subject, donor, rng)
    assert fake.shape == subject.image.shape
    inner = np.isin(subject.label, (1, 12))
    assert np.abs(fake[inner].astype(int) - subject.image[inner]).mean() < 3
    assert np.abs(fake.astype(int) - subject.image)[subject.label == 4].mean() > 10


def test_holes_are_filled_with_the_nearest_known_pixels():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :20] = (200, 0, 0)
    known = np.zeros((40, 40), bool)
    known[:, :10] = known[:, 30:] = True
    image[:, 10:30] = 99
    fill_from(image, known, ~known)
    assert (image[20, 13] == (200, 0, 0)).all()
    assert (image[20, 27] == 0).all()


def test_fakes_keep_the_persons_arms_or_take_the_donors(rng, monkeypatch):
    """With the donor's arms, fewer pixels of the person's own arms remain. The hands remain in both cases."""
    first, second = list(samples(2, seed=3))
    subject, donor = (Subject(s.photo.image, s.photo.label, complete(s.photo.key_points)) for s in (first, second))
    own = hands(subject.label, subject.skeleton)
    arms = np.isin(subject.label, (Label.LEFT_ARM, Label.RIGHT_ARM)) & ~own
    assert own.sum() > 50
    assert arms.sum() > 500
    kept = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr(fakes, "DONORS_ARMS", share)
        same = (paste_garment(subject, donor, rng) == subject.image).all(axis=2)
        kept[share] = same[arms].mean()
        assert same[own].mean() > 0.5
    assert kept[0.0] > kept[1.0] + 0.2


def test_donor_skin_is_darkened_to_half_its_brightness_at_most(rng):
    pale, dark = (np.full((64, 48, 3), shade, np.uint8) for shade in (200, 80))
    label = np.full((64, 48), Label.LEFT_ARM, np.uint8)
    skeleton = complete(np.ones((18, 3), np.float32) * [20, 30, 1] + np.arange(18)[:, None] * [1, 0.5, 0])
    found = in_skin_of(Subject(dark, label, skeleton), Subject(pale, label, skeleton))
    # the gain is at least 0.5
    assert found.mean() == 100
