"""Tests of `TryOn.parse` and `fitroom parse`, which find labels and key points in whole photos."""

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import fitroom
from fitroom.body import PREDICTED, Label
from fitroom.cli import main
from fitroom.data.synthetic import samples
from fitroom.errors import InputError
from fitroom.photo.drawing import draw_parse, label_colours, legend
from fitroom.photo.frames import Frame
from fitroom.photo.parse import Parse, enlarged, label_of, lay_over, lower_frame, parse_photo
from fitroom.runtime.interface import Parsing
from fitroom.tryon import TryOn


@pytest.fixture(scope="module")
def tryon():
    return TryOn.load()


@pytest.fixture(scope="module")
def photo():
    """A larger photo with a drawn figure at its lower edge."""
    sample = next(iter(samples(1, seed=4)))
    return cv2.copyMakeBorder(sample.photo.image, 80, 0, 90, 90, cv2.BORDER_REPLICATE)


class Nobody:
    """A stand-in for a parser that finds nobody."""

    def parse(self, picture):
        return Parsing(np.zeros(picture.shape[:2], np.uint8), np.zeros((18, 3), np.float32))


def test_parse_returns_labels_key_points_and_boxes_of_the_photo(tryon, photo):
    parse = tryon.parse(photo)
    assert isinstance(parse, fitroom.Parse)
    assert parse.labels.shape == photo.shape[:2]
    assert parse.labels.dtype == np.uint8
    assert parse.key_points.shape == (18, 3)
    assert {Label.UPPER_CLOTHES, Label.FACE} <= {Label(value) for value in np.unique(parse.labels)}
    assert len(parse.persons) == 1
    box = parse.persons[0]
    x, y = parse.key_points[1, :2]
    assert box.left < x < box.left + box.width
    assert box.top < y < box.top + box.height
    assert parse.frame is not None


def test_photo_without_a_person_gives_an_empty_parse():
    parse = parse_photo(np.full((300, 200, 3), 128, np.uint8), Nobody())
    assert not parse.labels.any()
    assert parse.frame is None
    assert parse.persons == ()


def test_parse_without_a_parser_raises_an_error(photo):
    with pytest.raises(InputError, match="no parser is loaded"):
        TryOn.load(parser="none").parse(photo)


def test_person_point_outside_the_photo_raises_an_error(tryon, photo):
    with pytest.raises(InputError, match="outside the photo"):
        tryon.parse(photo, person_point=(photo.shape[1], 3))


def test_enlarged_labels_keep_their_values_and_areas():
    label = np.zeros((64, 48), np.uint8)
    label[16:48, 12:36] = Label.UPPER_CLOTHES
    label[8:16, 18:30] = Label.FACE
    made = enlarged(label, Frame(0, 0, 480, 640), 640, 480)
    assert set(np.unique(made)) == {0, Label.UPPER_CLOTHES, Label.FACE}
    assert abs(int((made == Label.UPPER_CLOTHES).sum()) - 320 * 240) < 0.02 * 320 * 240
    assert made[320, 240] == Label.UPPER_CLOTHES


def test_labels_of_a_crop_replace_labels_only_inside_its_frame():
    labels = np.full((200, 150), Label.HAIR, np.uint8)
    lay_over(labels, np.full((64, 48), Label.FACE, np.uint8), Frame(30, 40, 60, 80))
    assert labels[80, 60] == Label.FACE
    assert labels[39, 60] == labels[80, 29] == labels[121, 60] == Label.HAIR


def test_drawing_includes_a_legend_with_label_colours(tryon, photo):
    parse = tryon.parse(photo)
    drawn = draw_parse(photo, parse)
    assert drawn.shape[0] == photo.shape[0]
    assert drawn.shape[1] > photo.shape[1]
    shown = legend(parse.labels, photo.shape[0])
    colour = label_colours()[Label.UPPER_CLOTHES]
    assert (shown == colour).all(axis=2).sum() > 50
    assert len({tuple(colour) for colour in label_colours()}) == len(Label)


def test_command_writes_drawing_and_labels(photo, tmp_path):
    path = tmp_path / "person.png"
    cv2.imwrite(str(path), photo[..., ::-1])
    out, labels = tmp_path / "drawn.png", tmp_path / "labels.png"
    result = CliRunner().invoke(main, ["parse", str(path), "-o", str(out), "--labels", str(labels)])
    assert result.exit_code == 0, result.output
    written = cv2.imread(str(labels), cv2.IMREAD_UNCHANGED)
    assert written.shape == photo.shape[:2]
    np.testing.assert_array_equal(written, TryOn.load().parse(photo).labels)
    assert out.exists()


def test_command_refuses_label_files_other_than_png(photo, tmp_path):
    path = tmp_path / "person.png"
    cv2.imwrite(str(path), photo[..., ::-1])
    result = CliRunner().invoke(
        main, ["parse", str(path), "-o", str(tmp_path / "a.png"), "--labels", str(tmp_path / "b.jpg")]
    )
    assert result.exit_code == 2
    assert "need a file name that ends in .png" in result.output
    assert not (tmp_path / "a.png").exists()


def test_parse_has_the_documented_fields():
    assert set(Parse.__dataclass_fields__) == {"labels", "key_points", "frame", "persons"}


def test_legs_get_a_separate_frame_below_the_dressed_frame():
    dressed = Frame(10, 20, 75, 100)
    assert lower_frame(dressed, Frame(20, 25, 50, 90)) is None
    assert lower_frame(dressed, Frame(20, 25, 50, 150)) == Frame(10, 80, 75, 100)
    assert lower_frame(dressed, Frame(20, 25, 50, 400)) == Frame(10, 105, 75, 100)


def shares_of(label, rows):
    """Make probabilities (labels, 64, 48) that are certain: one label in `rows`, background elsewhere."""
    made = np.full((len(PREDICTED), 64, 48), 1e-6, np.float32)
    made[0] = 1
    made[0, rows], made[PREDICTED.index(label), rows] = 1e-6, 1
    return made


def test_labels_of_a_crop_use_the_probabilities_of_the_whole_photo_too():
    """The whole photo shows a dress in its lower half. The crop is undecided between dress and lower clothes."""
    whole, middle = Frame(0, 0, 192, 256), Frame(48, 64, 96, 128)
    nothing = np.zeros((18, 3), np.float32)
    wider = shares_of(Label.DRESS, slice(32, None))
    unsure = 0.5 * shares_of(Label.DRESS, slice(32, None)) + 0.5 * shares_of(Label.LOWER_CLOTHES, slice(32, None))
    closer = Parsing(np.zeros((256, 192), np.uint8), nothing, np.log(unsure))
    label = label_of(closer, middle, wider, whole)
    assert (label[130:] == Label.DRESS).all()
    assert (label[:126] == Label.BACKGROUND).all()


def test_crop_keeps_its_own_labels_if_there_are_no_probabilities():
    label = np.full((256, 192), Label.FACE, np.uint8)
    parsing = Parsing(label, np.zeros((18, 3), np.float32))
    assert label_of(parsing, Frame(0, 0, 96, 128), parsing.shares, Frame(0, 0, 192, 256)) is label
