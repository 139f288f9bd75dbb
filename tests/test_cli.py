"""Tests of the commands: what they write, and one clear sentence with exit code 2 for bad input."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import fitroom
from fitroom.cli import main
from fitroom.photo.decode import read
from fitroom.photo.encode import save_picture
from test_images import animation, bomb


@pytest.fixture
def pictures(sample, tmp_path, monkeypatch):
    """The current folder, with person.png, shirt.png and mask.png."""
    monkeypatch.chdir(tmp_path)
    save_picture(sample.photo.image, "person.png")
    save_picture(sample.other_garment, "shirt.png")
    cv2.imwrite("mask.png", sample.other_garment_mask)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_version_is_printed():
    assert run("--version").output.split() == ["fitroom,", "version", fitroom.__version__]


def test_try_writes_the_look_of_the_library(pictures, sample):
    for size in ("photo", "model"):
        result = run("try", "person.png", "shirt.png", "--mask", "mask.png", "--size", size, "-o", f"{size}.png")
        assert result.exit_code == 0, result.output
        look = fitroom.TryOn.load()(sample.photo.image, sample.other_garment, sample.other_garment_mask, size)
        np.testing.assert_array_equal(read(f"{size}.png"), look.image)


@pytest.mark.parametrize("ending", ["jpg", "webp", "PNG"])
def test_try_writes_every_format(pictures, ending):
    assert run("try", "person.png", "shirt.png", "-o", f"out.{ending}").exit_code == 0
    assert read(f"out.{ending}").shape == (256, 192, 3)


def refused(folder: Path, *arguments: str) -> str:
    """Run a command that must exit with 2, write nothing and print one sentence. Return the sentence."""
    before = sorted(folder.rglob("*"))
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert sorted(folder.rglob("*")) == before
    assert result.output.startswith("fitroom: ")
    assert result.output.count("\n") == 1
    return result.output


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (animation("GIF"), "GIF"),
        (bomb(30_000), "pixels"),
        (None, "No such file"),
    ],
)
@pytest.mark.parametrize("role", ["person", "garment"])
def test_bad_pictures_are_refused_with_role_and_file_name(pictures, data, words, role):
    if data is not None:
        Path("bad.png").write_bytes(data)
    given = {"person": "person.png", "garment": "shirt.png"} | {role: "bad.png"}
    message = refused(pictures, "try", given["person"], given["garment"], "-o", "out.png")
    assert words in message
    assert f"{role} bad.png" in message


def test_truncated_or_swapped_pictures_wrong_masks_and_directories_are_refused(pictures):
    Path("cut.png").write_bytes(Path("person.png").read_bytes()[:5000])
    assert "cut off" in refused(pictures, "try", "cut.png", "shirt.png", "-o", "out.png")
    assert "swapped" in refused(pictures, "try", "shirt.png", "person.png", "-o", "out.png")
    cv2.imwrite("small.png", np.full((32, 24), 255, np.uint8))
    assert "24 x 32" in refused(pictures, "try", "person.png", "shirt.png", "--mask", "small.png", "-o", "out.png")
    Path("folder").mkdir()
    assert "directory" in refused(pictures, "try", "folder", "shirt.png", "-o", "out.png")


def test_unwritable_outputs_are_refused(pictures):
    Path("folder.png").mkdir()
    assert "does not exist" in refused(pictures, "try", "person.png", "shirt.png", "-o", "none/out.png")
    assert "directory" in refused(pictures, "try", "person.png", "shirt.png", "-o", "folder.png")
    assert "need one of" in refused(pictures, "try", "person.png", "shirt.png", "-o", "out.gif")
    assert "does not exist" in refused(pictures, "demo", "-o", "none/out.png")
    assert "can't be written" in refused(pictures, "try", "person.png", "shirt.png", "-o", "/proc/out.png")


def test_unknown_and_damaged_weights_are_refused(pictures, small_weights):
    message = refused(pictures, "try", "person.png", "shirt.png", "-o", "out.png", "--weights", "nope")
    assert "shipped weights (lite" in message
    broken = shutil.copytree(small_weights.folder, "broken")
    with (Path(broken) / "person.bin").open("r+b") as stream:
        stream.write(b"????")
    message = refused(pictures, "try", "person.png", "shirt.png", "-o", "out.png", "--weights", "broken")
    assert "checksum" in message


def test_import_weights_refuses_files_that_are_not_checkpoints(pictures):
    message = refused(
        pictures, "import-weights", "--warp", "person.png", "--gen", "person.png", "--dialect", "official", "-o", "new"
    )
    assert "not a PyTorch checkpoint" in message


def test_demo_writes_a_grid_and_prints_its_path(tmp_path):
    out = tmp_path / "grid.png"
    result = run("demo", "-o", str(out))
    assert result.exit_code == 0, result.output
    assert str(out) in result.output
    grid = read(out)
    assert grid.shape == (4 * 384, 5 * 288, 3)
    rows = [np.hsplit(row, 5) for row in np.vsplit(grid, 4)[1:]]
    assert len({look.tobytes() for row in rows for look in row[1:]}) == 12
    for person, *looks in rows:
        for look in looks:
            assert np.abs(look.astype(int) - person)[170:300, 100:190].mean() > 8


def test_data_check_accepts_synthetic_data_and_reports_a_missing_photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("data", "synth", "-o", "figures", "--count", "3", "--height", "128").exit_code == 0
    result = run("data", "check", "figures")
    assert result.exit_code == 0, result.output
    assert "6 pairs" in result.output
    assert "already holds" in refused(tmp_path, "data", "synth", "-o", "figures", "--count", "3")
    Path("figures/train_img/000001_0.jpg").unlink()
    result = run("data", "check", "figures")
    assert result.exit_code == 2
    assert "train_img/000001_0.jpg: missing" in result.output
    assert "no such data folder" in refused(tmp_path, "data", "check", "elsewhere")
