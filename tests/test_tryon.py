"""Tests of `TryOn`, from two pictures to a look, on both backends."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from conftest import shared
from fitroom import TryOn
from fitroom.benchmark.looks import sample_pictures
from fitroom.body import Label
from fitroom.data.viton import open_layout, read_pairs
from fitroom.errors import ImageError, InputError, OutputError
from fitroom.export.cases import drawn_cases
from fitroom.export.parity import BOUNDS, check
from fitroom.export.request import ExportRequest, run_export
from fitroom.nets.registry import load_network
from fitroom.photo import frames
from fitroom.photo.encode import save_picture
from fitroom.photo.frames import Frame
from fitroom.photo.framing import STUDIO
from fitroom.runtime.interface import Parsing
from fitroom.store import open_weights
from fitroom.tryon import GARMENTS_KEPT


@pytest.fixture(scope="module")
def tryon():
    return TryOn.load()


def test_look_has_the_photos_size_and_changes_the_garment(tryon, sample):
    photo, label = sample.photo.image, sample.photo.label
    large = np.kron(photo, np.ones((3, 3, 1), np.uint8))
    for picture in (photo, large, large[:, 40:500]):
        look = tryon(picture, sample.other_garment)
        assert look.image.shape == picture.shape
        assert look.image.dtype == np.uint8
    look = tryon(photo, sample.other_garment)
    difference = np.abs(look.image.astype(int) - photo).mean(axis=2)
    assert difference[label == 4].mean() > 20
    assert difference[label == 12].mean() < 3
    assert tryon(photo, sample.other_garment, size="model").image.shape == (256, 192, 3)


def test_look_is_closer_to_the_ground_truth_than_the_photo_is(tryon, sample):
    """The ground truth is the same figure, drawn in the other garment."""
    look = tryon(sample.photo.image, sample.other_garment).image.astype(int)
    truth, photo = sample.other_photo.image.astype(int), sample.photo.image.astype(int)
    worn = sample.other_photo.label == 4
    assert np.abs(look - truth)[worn].mean() < 0.57 * np.abs(photo - truth)[worn].mean()


def test_person_encoded_once_gives_the_same_looks(tryon, sample):
    person = tryon.person(sample.photo.image)
    for garment in (sample.garment, sample.other_garment):
        np.testing.assert_array_equal(person.wear(garment).image, tryon(sample.photo.image, garment).image)


@pytest.mark.parametrize("size", ["photo", "model"])
def test_backends_agree(small_weights, sample, size):
    looks = [
        TryOn.load(small_weights.folder, backend)(sample.photo.image, sample.other_garment, size=size).image.astype(int)
        for backend in ("openvino", "torch")
    ]
    assert np.abs(looks[0] - looks[1]).max() <= 2


def test_shipped_graphs_match_pytorch_within_their_bound():
    opened = open_weights()
    check(load_network(opened), TryOn.load().runner, drawn_cases(3, 256, 192), BOUNDS[opened.manifest.precision])


@pytest.mark.slow
def test_backends_agree_on_photographs(tmp_path):
    layout = open_layout(shared("viton"))
    run_export(ExportRequest("lite", precision="fp32", whole=False), tmp_path / "fp32")
    backends = [TryOn.load(tmp_path / "fp32", backend) for backend in ("openvino", "torch")]
    for pair in read_pairs(shared("viton/val_pairs_unpaired.txt"))[:20]:
        paths = layout.person_path(pair.person), layout.garment_path(pair.garment)
        looks = [tryon(*paths).image.astype(int) for tryon in backends]
        assert np.abs(looks[0] - looks[1]).max() <= 2, pair


def test_photo_size_hardly_changes_the_look(tryon):
    looks = [tryon(*sample_pictures(height, 3 * height // 4)).image for height in (256, 1024, 4000)]
    for look, height in zip(looks, (256, 1024, 4000), strict=True):
        assert look.shape == (height, 3 * height // 4, 3)
        assert np.abs(frames.shrink(look).astype(int) - looks[0]).mean() < 4


class Told:
    """A parser that finds a person with a studio picture's joints at the given places."""

    def __init__(self, place):
        self.place = place

    def parse(self, picture):
        points = np.zeros((18, 3), np.float32)
        frame = self.place.pop(0)
        for row, joint in STUDIO.items():
            points[row] = (*((np.array(joint) + 0.5) * 256 / frame.height - 0.5), 1)
        points[:, :2] += np.array([-frame.left, -frame.top], np.float32) * 256 / frame.height
        label = np.full((256, 192), Label.UPPER_CLOTHES, np.uint8)
        label[:25] = Label.FACE
        return Parsing(label, points)


def test_person_in_a_larger_photo_is_dressed_in_place(tryon, sample):
    """The look equals that of the person alone, and the rest of the photo does not change."""
    figure = sample.photo.image
    photo = np.full((512, 384, 3), (90, 120, 90), np.uint8)
    photo[200:456, 150:342] = figure
    # the parser sees the whole photo once, with the person at 150, 200; a second call would fail
    parser = Told([Frame(-150, -200, 384, 512)])
    looking = TryOn(tryon.weights, tryon.runner, parser)
    look = looking(photo, sample.other_garment).image
    alone = TryOn(tryon.weights, tryon.runner)(figure, sample.other_garment).image
    np.testing.assert_array_equal(look[200:456, 150:342], alone)
    look[200:456, 150:342] = figure
    np.testing.assert_array_equal(look, photo)


def test_given_garment_mask_is_used(tryon, sample):
    mask = np.zeros((256, 192), np.uint8)
    mask[60:200, 50:140] = 255
    encoded = tryon.garment(sample.other_garment, mask)
    np.testing.assert_array_equal(encoded.mask, mask)
    given = tryon(sample.photo.image, sample.other_garment, mask).image
    assert (given != tryon(sample.photo.image, sample.other_garment).image).any()


def test_number_of_cached_garments_is_limited(small_weights, sample):
    tryon = TryOn.load(small_weights.folder)
    first = tryon.garment(sample.garment, sample.garment_mask)
    assert tryon.garment(sample.garment, sample.garment_mask) is first
    for shade in range(GARMENTS_KEPT):
        tryon.garment(np.full((32, 24, 3), shade, np.uint8), np.full((32, 24), 255, np.uint8))
    assert len(tryon.garments) == GARMENTS_KEPT
    assert tryon.garment(sample.garment, sample.garment_mask) is not first


def test_concurrent_threads_get_the_correct_looks(small_weights, sample):
    tryon = TryOn.load(small_weights.folder)
    jobs = [(sample.photo.image, sample.garment), (sample.other_photo.image, sample.other_garment)] * 6
    alone = [tryon(*job).image for job in jobs[:2]]
    with ThreadPoolExecutor(4) as pool:
        for index, look in enumerate(pool.map(lambda job: tryon(*job), jobs)):
            np.testing.assert_array_equal(look.image, alone[index % 2])


def test_invalid_input_raises_errors(tryon, sample, tmp_path):
    photo, garment = sample.photo.image, sample.garment
    with pytest.raises(ImageError, match="look swapped"):
        tryon(garment, photo)
    with pytest.raises(ImageError, match="garment mask: 24 x 32 pixels; need the garment's size, 192 x 256"):
        tryon(photo, garment, np.full((32, 24), 255, np.uint8))
    with pytest.raises(ImageError, match="garment mask: empty"):
        tryon(photo, garment, np.zeros((256, 192), np.uint8))
    with pytest.raises(InputError, match="size 'huge' is unknown"):
        tryon(photo, garment, size="huge")
    with pytest.raises(InputError, match="backend 'tpu' is unknown"):
        TryOn.load(backend="tpu")
    with pytest.raises(OutputError, match="need one of"):
        save_picture(photo, tmp_path / "a.tiff")
    assert list(tmp_path.iterdir()) == []


def test_try_on_does_not_import_torch():
    code = (
        "import sys, fitroom.cli, fitroom.demo; from fitroom import TryOn; TryOn.load();"
        "assert not {'torch', 'safetensors', 'openvino_telemetry.main'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
