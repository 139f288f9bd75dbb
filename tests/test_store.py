"""Tests of weights folders, which are verified when read, and written completely or not at all."""

import json
import shutil

import pytest

from fitroom import store
from fitroom.errors import OutputError, WeightsError
from fitroom.store import Manifest, open_weights, save_weights, shipped_names


@pytest.fixture
def copy(small_weights, tmp_path):
    return shutil.copytree(small_weights.folder, tmp_path / "copy")


def test_shipped_weights_are_valid_and_small():
    assert store.DEFAULT in shipped_names()
    for name in shipped_names():
        weights = open_weights(name)
        for file, facts in weights.manifest.files.items():
            assert weights.file(file).stat().st_size == facts.bytes
        assert sum(facts.bytes for facts in weights.manifest.files.values()) < 15e6


def test_error_for_unknown_weights_lists_the_shipped_ones():
    with pytest.raises(WeightsError, match=r"nonsense: unknown weights; give the name of shipped weights \(.*lite"):
        open_weights("nonsense")


def test_error_for_a_wrong_checksum_names_the_file(copy):
    path = copy / "dress.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    weights = open_weights(copy)
    weights.file("person.bin")
    with pytest.raises(WeightsError, match=r"dress\.bin: checksum .* is wrong"):
        weights.file("dress.bin")


def test_missing_and_unlisted_files_raise_errors(copy):
    (copy / "person.bin").unlink()
    weights = open_weights(copy)
    with pytest.raises(WeightsError, match="can't be read"):
        weights.file("person.bin")
    with pytest.raises(WeightsError, match=r"no other\.bin in these weights"):
        weights.file("other.bin")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"colour": 1}, "colour"), ({"format": 99}, "format 99"), ({"files": 3}, "files"), ({"network": None}, "network")],
)
def test_invalid_manifests_raise_errors(copy, change, words):
    path = copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(WeightsError, match=words):
        open_weights(copy)


def test_folder_without_manifest_and_single_file_raise_errors(tmp_path):
    with pytest.raises(WeightsError, match=r"no manifest\.json"):
        open_weights(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(WeightsError, match="a file; weights are a folder"):
        open_weights(tmp_path / "file")


def manifest() -> Manifest:
    return Manifest(
        name="a", version="1", network="lite", config={}, align_corners=False, training_data="", terms="", files={}
    )


def test_failed_write_leaves_no_files(tmp_path):
    def write():
        with save_weights(tmp_path / "new", manifest()) as folder:
            (folder / "half").write_text("x")
            raise WeightsError("stop")

    with pytest.raises(WeightsError, match="stop"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_saving_replaces_only_other_weights(tmp_path):
    folder = tmp_path / "new"
    for text in ("one", "two"):
        with save_weights(folder, manifest()) as target:
            (target / "a.txt").write_text(text)
    assert open_weights(folder).file("a.txt").read_text() == "two"
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("x")
    with pytest.raises(OutputError, match="holds no weights"), save_weights(tmp_path / "thesis", manifest()):
        pass
    with pytest.raises(OutputError, match="does not exist"), save_weights(tmp_path / "no" / "new", manifest()):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "thesis"]
