"""Tests of samples in memory and of the batches made of them."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from fitroom.body import PREDICTED, Label
from fitroom.data.augment import AugmentConfig
from fitroom.data.reader import FolderReader
from fitroom.errors import DataError
from fitroom.train.batches import Batch, Batches, chosen
from fitroom.train.samples import Fakes, fake_name, load_fakes, load_samples
from fitroom.train.tasks.render import write_fake

UNCHANGED = AugmentConfig(*[0.0] * len(fields(AugmentConfig)))


def quiet(items, total):
    return items


@pytest.fixture
def fakes(training_samples):
    """Two fakes per person: the photos of the next two persons."""
    count = len(training_samples)
    rows = torch.arange(count).repeat_interleave(2)
    return Fakes(rows, training_samples.photo[(rows + torch.arange(2 * count) % 2 + 1) % count])


def equal(a: Batch, b: Batch) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a[:-3], b[:-3], strict=True))


def test_samples_have_the_training_size(figures, training_samples):
    assert training_samples.photo.shape == training_samples.garment.shape == (12, 3, 64, 64)
    assert training_samples.label.shape == training_samples.garment_mask.shape == (12, 64, 64)
    assert training_samples.photo.dtype == torch.uint8
    reader = FolderReader(figures)
    whole = load_samples(reader, training_samples.pairs[:2], 256, 192, 2, quiet)
    np.testing.assert_array_equal(whole.photo[1].permute(1, 2, 0).numpy(), reader.photo(whole.pairs[1].person))
    scale = torch.tensor([64 / 192, 64 / 256, 1])
    assert torch.allclose(training_samples.key_points[:2], whole.key_points * scale)


def test_batches_without_augmentation_equal_the_samples(training_samples):
    batch = Batches(training_samples, None, UNCHANGED, 12).of_step(0)
    assert sorted(batch.rows.tolist()) == list(range(12))
    photo = training_samples.photo[batch.rows].float() / 127.5 - 1
    assert torch.allclose(batch.photo, photo, atol=1e-5)
    assert torch.equal(batch.label, training_samples.label[batch.rows])
    assert torch.equal(batch.worn[:, 0] > 0, batch.label == 4)
    assert torch.equal(batch.garment_mask.unique(), torch.tensor([0.0, 1.0]))
    assert torch.equal(batch.shown, batch.photo)


def test_every_epoch_uses_every_sample_once(training_samples):
    seen = torch.cat([chosen(step, 5, len(training_samples), seed=0) for step in range(12)]).tolist()
    for epoch in range(5):
        assert sorted(seen[12 * epoch : 12 * epoch + 12]) == list(range(12))
    assert seen[:12] != seen[12:24]


def test_batches_depend_only_on_the_step(training_samples, fakes):
    a, b = (Batches(training_samples, fakes, AugmentConfig(), 6, 0.5, seed=3) for _ in range(2))
    a.of_step(0)
    assert equal(a.of_step(7), b.of_step(7))
    assert not equal(a.of_step(7), a.of_step(8))


@pytest.mark.parametrize("unpaired", [0.0, 0.34])
def test_batches_of_all_ranks_make_up_the_whole_batch(training_samples, fakes, unpaired):
    batches = Batches(training_samples, fakes, AugmentConfig(), 6, 0.5, unpaired_share=unpaired)
    whole = batches.of_step(4)
    parts = [batches.of_step(4, rank, 2) for rank in range(2)]
    for index, tensor in enumerate(whole[:-3]):
        assert torch.allclose(tensor.float(), torch.cat([part[index] for part in parts]).float(), atol=1e-6)


def test_batches_show_fakes_except_for_the_own_share_of_photos(training_samples, fakes):
    batch = Batches(training_samples, fakes, UNCHANGED, 8, own_share=0.25).of_step(0)
    assert batch.restored.tolist() == [0, 1, 1, 1, 0, 1, 1, 1]
    same = (batch.shown - batch.photo).flatten(1).abs().amax(1) < 1e-4
    assert same.tolist() == [True, False, False, False, True, False, False, False]


def test_unpaired_samples_show_the_photo_with_a_garment_of_other_sleeve_length(training_samples, fakes):
    batches = Batches(training_samples, fakes, UNCHANGED, 8, own_share=0.25, unpaired_share=0.25)
    batch = batches.of_step(0)
    assert batch.restored.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert batch.paired.tolist() == [1, 0, 1, 1, 1, 0, 1, 1]
    assert torch.allclose(batch.shown[1], batch.photo[1], atol=1e-5)
    own = training_samples.garment[batch.rows].float() / 127.5 - 1
    assert ((batch.garment - own).flatten(1).abs().amax(1) < 1e-4).float().tolist() == batch.paired.tolist()
    arms = ((training_samples.label == Label.LEFT_ARM) | (training_samples.label == Label.RIGHT_ARM)).flatten(1).sum(1)
    others = batches.others(0, batch.rows, slice(0, 8))
    anybody = [(arms[torch.arange(12) != row] - arms[row]).abs().float().mean() for row in batch.rows]
    assert (arms[others] - arms[batch.rows]).abs().float().mean() > torch.stack(anybody).mean()


def test_photo_and_label_move_together(training_samples):
    """Moved and mirrored photos show the colours of the garment wherever the label says garment."""
    changes = AugmentConfig(colour=0, prints=0, light=0, background=0)
    still = Batches(training_samples, None, UNCHANGED, 12).of_step(0)
    moved = Batches(training_samples, None, changes, 12).of_step(0)
    for row in range(12):
        a = still.photo[row][:, still.worn[row, 0] > 0].mean(1)
        b = moved.photo[row][:, moved.worn[row, 0] > 0].mean(1)
        assert (a - b).abs().max() < 0.2


def test_probabilities_move_with_the_label(training_samples):
    """After mirroring and moving all samples, a parser's probabilities still agree with the label."""
    soft = torch.stack([training_samples.label == value for value in PREDICTED], dim=1).to(torch.uint8) * 255
    changes = AugmentConfig(flip=1.0, colour=0, prints=0, light=0, background=0, elsewhere=1.0)
    batch = Batches(replace(training_samples, soft=soft), None, changes, 12).of_step(0)
    likeliest = torch.tensor(PREDICTED)[batch.soft.argmax(dim=1)]
    assert (likeliest == batch.label).float().mean() > 0.97
    for label in (Label.LEFT_ARM, Label.RIGHT_ARM):
        where = batch.label == label
        assert where.any()
        assert (likeliest[where] == label).float().mean() > 0.8


def test_elsewhere_replaces_only_the_background(training_samples, fakes):
    studio, elsewhere = (
        Batches(training_samples, fakes, replace(UNCHANGED, elsewhere=share), 8).of_step(0) for share in (0.0, 1.0)
    )
    body = torch.nn.functional.max_pool2d((studio.label == 0).float().unsqueeze(1), 3, 1, 1) == 0
    assert body.any()
    assert torch.allclose(elsewhere.photo * body, studio.photo * body, atol=1e-5)
    behind = (studio.label == 0).float().unsqueeze(1)
    assert ((elsewhere.photo - studio.photo).abs() * behind).sum() / behind.sum() > 0.1
    corner = (slice(None), slice(None), slice(0, 3), slice(0, 3))
    assert torch.allclose(elsewhere.photo[corner], elsewhere.shown[corner], atol=1e-5), "photo and fake, one ground"
    assert torch.equal(elsewhere.label, studio.label)


def test_elsewhere_labels_pixels_outside_the_crop_as_background(training_samples):
    changes = replace(UNCHANGED, elsewhere=1.0, shift=0.3)
    batch = Batches(training_samples, None, changes, 12).of_step(0)
    beside = Batches(training_samples, None, replace(changes, elsewhere=0.0), 12).of_step(0)
    ended = (batch.label == 0) & (beside.label > 0)
    assert ended.any(), "studio pictures go on beyond their edge"
    assert torch.equal(batch.label[~ended], beside.label[~ended])


def test_fakes_are_assigned_to_persons_by_file_name(training_samples, tmp_path):
    for pair, other in ((0, 1), (0, 2), (5, 1)):
        name = fake_name(
            type(training_samples.pairs[0])(training_samples.pairs[pair].person, training_samples.pairs[other].garment)
        )
        write_fake(tmp_path, name, np.full((256, 192, 3), 40 * pair, np.uint8))
    write_fake(tmp_path, "999999_0_000001_1.webp", np.zeros((256, 192, 3), np.uint8))
    # a shop's garment name may contain any number of underscores
    own = fake_name(replace(training_samples.pairs[3], garment="summer_shirt_blue_2.jpg"))
    write_fake(tmp_path, own, np.zeros((256, 192, 3), np.uint8))
    fakes = load_fakes(tmp_path, training_samples, 1, quiet)
    assert sorted(fakes.row.tolist()) == [0, 0, 3, 5]
    assert fakes.picture.shape == (4, 3, 64, 64)
    with pytest.raises(DataError, match="no folder of fakes; render them with: fitroom train render-fakes"):
        load_fakes(tmp_path / "none", training_samples, 1, quiet)


def test_densepose_parts_move_and_mirror_with_the_label(training_samples):
    """DensePose arms that agree with the label still agree with it after moving and mirroring."""
    dense = torch.zeros_like(training_samples.label)
    dense[training_samples.label == Label.LEFT_ARM] = 15
    dense[training_samples.label == Label.RIGHT_ARM] = 16
    batch = Batches(replace(training_samples, dense=dense), None, AugmentConfig(), 12).of_step(0)
    assert torch.equal(batch.dense == 15, batch.label == Label.LEFT_ARM)
    assert torch.equal(batch.dense == 16, batch.label == Label.RIGHT_ARM)
    assert (batch.dense > 0).any()
