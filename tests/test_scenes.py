"""Tests of scenes, in which labels and key points move with the person."""

from dataclasses import replace

import pytest
import torch

from fitroom.data.scenes import STUDIO, SceneConfig, compose_scenes, draw_scenes
from fitroom.train.batches import generator_of, to_unit

NOSE, NECK = 0, 1


@pytest.fixture
def studio(training_samples):
    """Photos, labels, key points and garments of twelve figures."""
    samples = training_samples
    return to_unit(samples.photo), samples.label, samples.key_points, to_unit(samples.garment)


def scene(config, studio, seed=0):
    return compose_scenes(draw_scenes(config, len(studio[0]), generator_of(seed), aspect=1.0), *studio)


def test_studio_configuration_leaves_samples_unchanged(studio):
    photo, label, points = scene(STUDIO, studio)
    assert torch.allclose(photo, studio[0], atol=1e-4)
    assert torch.equal(label, studio[1])
    assert torch.allclose(points, studio[2], atol=1e-3)


def test_labels_and_key_points_move_with_the_person(studio):
    """The centre of the face stays close to the nose."""
    face = 12

    def apart(label, points):
        shown = [n for n in range(len(label)) if points[n, NOSE, 2] > 0 and (label[n] == face).sum() > 3]
        centres = torch.stack([(label[n] == face).nonzero().float().mean(dim=0).flip(0) for n in shown])
        return shown, (centres - points[shown, NOSE, :2]).norm(dim=1)

    _, before = apart(studio[1], studio[2])
    # persons are enlarged to less than twice their size
    config = replace(SceneConfig(), smaller=0.4)
    for seed in range(5):
        shown, after = apart(*scene(config, studio, seed)[1:])
        assert len(shown) > 4
        assert after.max() < 2 * before.max() + 2


def test_sizes_and_positions_vary(studio):
    areas, rows = [], []
    for seed in range(6):
        _, label, _ = scene(SceneConfig(), studio, seed)
        areas += (label > 0).float().mean(dim=(1, 2)).tolist()
        rows += [float((label[n] > 0).nonzero()[:, 1].float().mean()) for n in range(12) if (label[n] > 0).any()]
    assert max(areas) > 4 * min(areas)
    assert max(rows) - min(rows) > 25


def test_key_points_outside_the_picture_have_zero_confidence(studio):
    _, _, points = scene(replace(SceneConfig(), larger=0.9, smaller=0.0, aside=1.0), studio)
    x, y, confidence = points.unbind(dim=2)
    outside = (x < 0) | (x > 63) | (y < 0) | (y > 63)
    assert outside.any()
    assert not confidence[outside].any()
    assert confidence[~outside].any()


def test_background_is_replaced_and_the_person_is_kept(studio):
    config = replace(STUDIO, background=1.0)
    photo, label, _ = scene(config, studio)
    changed = (photo - studio[0]).abs().amax(dim=1) > 0.2
    # inside the person, away from the soft edge of the mask
    person = -torch.nn.functional.max_pool2d(-(studio[1] > 0).float(), 3, 1, 1) > 0
    assert changed[studio[1] == 0].float().mean() > 0.3
    assert changed[person].float().mean() < 0.02
    assert torch.equal(label, studio[1])


def test_composing_part_of_a_batch_gives_the_same_scenes(studio):
    scenes = draw_scenes(SceneConfig(), 12, generator_of(3), aspect=1.0)
    whole = compose_scenes(scenes, *studio)
    part = slice(4, 9)
    some = compose_scenes(scenes.rows(part, torch.device("cpu")), *(x[part] for x in studio[:3]), studio[3])
    for a, b in zip(whole, some, strict=True):
        assert torch.allclose(a[part].float(), b.float(), atol=1e-5)
