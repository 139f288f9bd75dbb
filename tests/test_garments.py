"""Tests of garments on disk: they are stored completely or not at all, and give the same looks."""

import shutil

import numpy as np
import pytest

from fitroom import TryOn
from fitroom.errors import ImageError, OutputError
from fitroom.photo.encode import encode_picture
from fitroom.serve import garments as module
from fitroom.serve.garments import Garments
from fitroom.serve.problems import Refusal


@pytest.fixture(scope="module")
def tryon():
    return TryOn.load()


@pytest.fixture
def pictures(sample):
    return encode_picture(sample.garment, ".jpg"), encode_picture(sample.other_garment, ".png")


def opened(tmp_path, tryon, megabytes=64):
    seen = []
    return Garments(tmp_path / "data", tryon, megabytes, seen.append), seen


def folders(tmp_path):
    return sorted(path.name for path in (tmp_path / "data" / "garments").iterdir())


def test_stored_garments_survive_a_restart(tmp_path, tryon, pictures, sample):
    store, seen = opened(tmp_path, tryon)
    first, new = store.put("red-1", pictures[0], None)
    assert new
    assert (first.media_type, first.width, first.height) == ("image/jpeg", 192, 256)
    before = store.encoded("red-1")
    assert seen == [True]
    store.close()
    store, seen = opened(tmp_path, tryon)
    assert store.get("red-1") == first
    assert store.picture("red-1") == (pictures[0], "image/jpeg")
    after = store.encoded("red-1")
    assert seen == [False]
    for mine, theirs in zip((before.picture, *before.features), (after.picture, *after.features), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    look = tryon.person(sample.photo.image).wear(after)
    np.testing.assert_array_equal(look.image, tryon(sample.photo.image, pictures[0]).image)
    store.close()


def test_a_second_put_replaces_the_garment_and_delete_removes_it(tmp_path, tryon, pictures, sample):
    store, _ = opened(tmp_path, tryon)
    store.put("a", pictures[0], None)
    mask = encode_picture(np.repeat(sample.other_garment_mask[..., None], 3, axis=2), ".png")
    garment, new = store.put("a", pictures[1], mask)
    assert not new
    assert folders(tmp_path) == [garment.folder]
    np.testing.assert_array_equal(store.encoded("a").mask, sample.other_garment_mask)
    store.delete("a")
    assert folders(tmp_path) == []
    for act in (store.get, store.delete, store.encoded, store.picture):
        with pytest.raises(Refusal) as refused:
            act("a")
        assert refused.value.status == 404
    store.close()


def test_missing_files_raise_an_error_that_asks_to_register_again(tmp_path, tryon, pictures):
    store, _ = opened(tmp_path, tryon)
    garment, _ = store.put("a", pictures[0], None)
    for path in tmp_path.rglob(garment.folder):
        shutil.rmtree(path)
    store.kept.clear()
    for act in (store.encoded, store.picture):
        with pytest.raises(OutputError, match="register the garment again"):
            act("a")
    store.close()


def test_list_is_sorted_and_continues_after_an_id(tmp_path, tryon, pictures):
    store, _ = opened(tmp_path, tryon)
    for name in ("b", "a", "c"):
        store.put(name, pictures[0], None)
    assert [garment.id for garment in store.list("", 2)] == ["a", "b"]
    assert [garment.id for garment in store.list("b", 2)] == ["c"]
    store.close()


def test_failed_puts_leave_no_partial_garment(tmp_path, tryon, pictures, monkeypatch):
    store, _ = opened(tmp_path, tryon)
    kept, _ = store.put("whole", pictures[0], None)
    (tmp_path / "data" / "garments" / "left-behind").mkdir()

    def full(path, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_flushed", full)
        with pytest.raises(OutputError, match="No space left"):
            store.put("half", pictures[1], None)
        with pytest.raises(OutputError):
            store.put("whole", pictures[1], None)
    with pytest.raises(ImageError):
        store.put("none", b"GIF89a", None)
    store.close()
    store, _ = opened(tmp_path, tryon)
    assert store.list("", 9) == [kept]
    assert folders(tmp_path) == [kept.folder]
    assert store.encoded("whole")
    store.close()


def test_garments_are_encoded_again_for_other_weights(tmp_path, tryon, pictures, small_weights):
    store, _ = opened(tmp_path, tryon)
    store.put("a", pictures[0], None)
    store.close()
    small = TryOn.load(small_weights.folder)
    store, _ = opened(tmp_path, small)
    expected = small.garment(pictures[0])
    for mine, theirs in zip(store.encoded("a").features, expected.features, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    store.close()


def test_cache_stays_within_its_memory_limit(tmp_path, tryon, pictures):
    store, seen = opened(tmp_path, tryon, megabytes=2)
    for name in ("a", "b", "c", "d"):
        store.put(name, pictures[0], None)
        store.encoded(name)
    assert store.kept.currsize <= 2 * 2**20
    assert store.encoded("a")
    assert seen[-1] is False
    store.close()


def test_a_data_folder_can_be_opened_only_once(tmp_path, tryon):
    store, _ = opened(tmp_path, tryon)
    with pytest.raises(OutputError, match="stop the program that uses this folder"):
        opened(tmp_path, tryon)
    store.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        Garments(tmp_path / "file", tryon, 1, lambda found: None)
