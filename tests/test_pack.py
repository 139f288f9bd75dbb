"""Tests of packs, which give the same data as the folder they are made from."""

import shutil

import numpy as np
import pytest

from fitroom.data.pack import open_reader, write_pack
from fitroom.data.reader import FolderReader
from fitroom.errors import DataError, OutputError


def test_pack_gives_the_same_data_as_the_folder(figures, tmp_path):
    folder, pack = FolderReader(figures), open_reader(write_pack(figures, tmp_path / "figures.pack", quality=90))
    pairs = folder.pairs("train_pairs.txt").pairs
    assert pack.pairs("train_pairs.txt") == folder.pairs("train_pairs.txt")
    assert pack.pairs("unpaired_pairs.txt") == folder.pairs("unpaired_pairs.txt")
    assert pack.pairs(figures / "train_pairs.txt").pairs == pairs
    for pair in pairs[:3]:
        np.testing.assert_array_equal(pack.label(pair.person), folder.label(pair.person))
        np.testing.assert_allclose(pack.pose(pair.person), folder.pose(pair.person), atol=0.006)
        for kind, name in (("photo", pair.person), ("garment", pair.garment)):
            a, b = getattr(pack, kind)(name).astype(int), getattr(folder, kind)(name)
            assert a.shape == b.shape
            assert np.abs(a - b).mean() < 3


def test_lower_quality_makes_a_smaller_pack(figures, tmp_path):
    sizes = [write_pack(figures, tmp_path / f"{q}.pack", q).stat().st_size for q in (30, 90)]
    assert sizes[0] < sizes[1]


def test_missing_entries_and_invalid_paths_raise_errors(figures, tmp_path):
    pack = open_reader(write_pack(figures, tmp_path / "figures.pack"))
    with pytest.raises(DataError, match=r"no photo/none\.webp in this pack"):
        pack.photo("none.jpg")
    with pytest.raises(DataError, match=r"no none\.txt"):
        pack.pairs("none.txt")
    (tmp_path / "text").write_text("no pack")
    with pytest.raises(DataError, match="not a pack"):
        open_reader(tmp_path / "text")
    with pytest.raises(OutputError, match="does not exist"):
        write_pack(figures, tmp_path / "none" / "figures.pack")


def test_failed_packing_leaves_no_file(figures, tmp_path):
    root = shutil.copytree(figures, tmp_path / "broken")
    (root / "train_img" / "000005_0.jpg").unlink()
    with pytest.raises(DataError, match=r"000005_0\.jpg: missing"):
        write_pack(root, tmp_path / "broken.pack")
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]
