"""Tests of deprecated names, which work with a warning in Python and a notice on the command line."""

import warnings

import numpy as np
import pytest
from click.testing import CliRunner

from fitroom.cli import main
from fitroom.demo import SAMPLES, read_sample
from fitroom.tryon import Person, TryOn


@pytest.fixture(scope="module")
def look():
    return TryOn.load()(read_sample("person-1.jpg"), read_sample("garment-1.jpg"))


def test_old_argument_names_work_with_a_warning():
    with pytest.warns(DeprecationWarning, match="matting is called segmenter now"):
        tryon = TryOn.load(matting="colour")
    assert tryon.segmenter is None
    photo = read_sample("person-1.jpg")
    with pytest.warns(DeprecationWarning, match="at is called person_point now"):
        old = tryon.parse(photo, at=(100, 100))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = tryon.parse(photo, person_point=(100, 100))
    np.testing.assert_array_equal(old.labels, new.labels)
    with pytest.raises(TypeError, match="at is the old name of person_point"):
        tryon.parse(photo, at=(100, 100), person_point=(100, 100))
    with pytest.warns(DeprecationWarning, match="at is called person_point now"):
        Person(tryon, photo, at=None)


def test_old_attribute_names_work_with_a_warning(look):
    with pytest.warns(DeprecationWarning, match="doubts is called warnings now"):
        assert look.doubts is look.warnings


def test_old_option_names_work_with_a_notice(tmp_path):
    arguments = [str(SAMPLES / "person-1.jpg"), str(SAMPLES / "garment-1.jpg"), "-o", str(tmp_path / "look.png")]
    result = CliRunner().invoke(main, ["try", *arguments, "--matting", "colour", "--person", "100,100"])
    assert result.exit_code == 0, result.output
    assert "notice: --matting is called --segmenter now." in result.output
    assert "notice: --person is called --person-point now." in result.output
    twice = CliRunner().invoke(main, ["try", *arguments, "--matting", "colour", "--segmenter", "colour"])
    assert twice.exit_code == 2
    assert "--matting is the old name of --segmenter" in twice.output
    assert "--matting" not in CliRunner().invoke(main, ["try", "--help"]).output
