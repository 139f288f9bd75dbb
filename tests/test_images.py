"""Tests of decoding, frames and masks."""

import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fitroom.errors import ImageError
from fitroom.photo import decode, frames, masks


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def gradient(height: int = 40, width: int = 30) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 128)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("kind", "off"), [("PNG", 0), ("JPEG", 12), ("WEBP", 24)])
def test_png_jpeg_and_webp_are_decoded(kind, off):
    found = decode.read(encoded(Image.fromarray(gradient()), kind))
    assert found.shape == (40, 30, 3)
    assert np.abs(found.astype(int) - gradient()).max() <= off


def test_paths_bytes_pil_images_and_arrays_give_the_same_picture(tmp_path):
    data = encoded(Image.fromarray(gradient()), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for source in (path, str(path), data, Image.open(path), gradient()):
        np.testing.assert_array_equal(decode.read(source), gradient())


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # the picture must be rotated by 90 degrees clockwise
    found = decode.read(encoded(Image.fromarray(gradient()), "JPEG", exif=exif, quality=100, subsampling=0))
    assert found.shape == (30, 40, 3)
    assert np.abs(found.astype(int) - np.rot90(gradient(), -1)).max() <= 12


def test_alpha_is_composited_over_white():
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:10] = (255, 0, 0, 128)
    found = decode.read(encoded(Image.fromarray(rgba), "PNG"))
    np.testing.assert_array_equal(found[0, 0], (255, 127, 127))
    np.testing.assert_array_equal(found[-1, 0], (255, 255, 255))
    np.testing.assert_array_equal(decode.read(rgba), found)


def test_transparent_palettes_and_grey_with_alpha_are_decoded():
    palette = Image.fromarray(gradient()).quantize(8)
    palette.info["transparency"] = 0
    assert decode.read(encoded(palette, "PNG", transparency=0)).shape == (40, 30, 3)
    grey = Image.merge("LA", [Image.new("L", (20, 20), 100), Image.new("L", (20, 20), 0)])
    assert (decode.read(encoded(grey, "PNG")) == 255).all()


def test_grey_cmyk_and_16_bit_pictures_become_8_bit_rgb():
    grey = Image.fromarray(gradient()[..., 0])
    np.testing.assert_array_equal(decode.read(encoded(grey, "PNG"))[..., 1], gradient()[..., 0])
    cmyk = Image.new("CMYK", (20, 20), (0, 255, 255, 0))
    red = decode.read(encoded(cmyk, "JPEG", quality=100))[10, 10].astype(int)
    assert red[0] > 200
    assert red[1:].max() < 60
    wide = gradient()[..., 0].astype(np.uint16) * 257
    deep = decode.read(encoded(Image.fromarray(wide), "PNG"))
    assert np.abs(deep[..., 0].astype(int) - gradient()[..., 0]).max() <= 1


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def bomb(side: int) -> bytes:
    """Return a small PNG file whose header claims side x side pixels."""
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"plain text, not a picture", "not a picture"),
        (encoded(Image.fromarray(gradient(400, 300)), "JPEG")[:2000], "cut off"),
        (encoded(Image.fromarray(gradient(400, 300)), "PNG")[:900], "cut off"),
        (animation("GIF"), "found GIF"),
        (animation("WEBP"), "animation"),
        (animation("PNG"), "animation"),
        (bomb(30_000), "pixels"),
        (bomb(9_000), "9000 x 9000 pixels"),
        (encoded(Image.new("RGB", (8, 400)), "PNG"), "at least 16"),
        (encoded(Image.new("RGB", (40, 40)), "BMP"), "found BMP"),
    ],
)
def test_unusable_pictures_are_refused_in_one_line(data, words):
    with pytest.raises(ImageError) as caught:
        decode.read(data, "person")
    message = str(caught.value)
    assert words in message
    assert message.startswith("person")
    assert "\n" not in message


def test_directories_missing_files_and_large_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ImageError, match="directory"):
        decode.read(tmp_path)
    with pytest.raises(ImageError, match="No such file"):
        decode.read(tmp_path / "none.jpg")
    (tmp_path / "big.png").write_bytes(encoded(Image.fromarray(gradient()), "PNG"))
    monkeypatch.setattr(decode, "MAX_BYTES", 100)
    with pytest.raises(ImageError, match="the limit is"):
        decode.read(tmp_path / "big.png")


@pytest.mark.parametrize("array", [np.zeros((20, 20, 3)), np.zeros((20, 20, 2), np.uint8), np.zeros(20, np.uint8)])
def test_arrays_of_wrong_type_or_shape_are_refused(array):
    with pytest.raises(ImageError, match="uint8"):
        decode.read(array)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 "])
)
def test_random_bytes_raise_only_image_errors(data, start):
    with suppress(ImageError):
        decode.read(start + data)


@settings(max_examples=80, deadline=None)
@given(st.integers(16, 3000), st.integers(16, 3000))
def test_frames_have_an_aspect_ratio_of_three_to_four(width, height):
    person = frames.person_frame(width, height)
    assert person.left >= 0
    assert person.left + person.width <= width
    assert person.width == width or person.height == height
    garment = frames.garment_frame(width, height)
    assert garment.left <= 0
    assert garment.top <= 0
    assert garment.left + garment.width >= width
    assert garment.top + garment.height >= height
    for frame in (person, garment):
        assert abs(frame.width * 4 - frame.height * 3) <= 4


def test_cut_fills_pixels_outside_the_picture():
    found = frames.cut(gradient(40, 30), frames.Frame(-5, 0, 40, 40), (1, 2, 3))
    assert found.shape == (40, 40, 3)
    np.testing.assert_array_equal(found[0, 0], (1, 2, 3))
    np.testing.assert_array_equal(found[:, 5:35], gradient(40, 30))


def test_garment_mask_agrees_with_drawn_garments(sample):
    for picture, truth in ((sample.garment, sample.garment_mask), (sample.other_garment, sample.other_garment_mask)):
        found = masks.garment_mask(picture) > 127
        truth = truth > 127
        assert (found & truth).sum() / (found | truth).sum() > 0.95


def test_garment_mask_finds_a_white_garment_on_white():
    picture = np.full((256, 192, 3), 255, np.uint8)
    picture[60:200, 40:150] = 247
    found = masks.garment_mask(picture) > 127
    assert found[65:195, 45:145].all()
    assert not found[:50].any()


def test_garment_mask_needs_a_plain_background_and_a_garment(rng):
    clutter = rng.integers(0, 255, (128, 96, 3), dtype=np.uint8)
    with pytest.raises(ImageError, match="not plain and light"):
        masks.garment_mask(clutter)
    with pytest.raises(ImageError, match="no garment found"):
        masks.garment_mask(np.full((128, 96, 3), 250, np.uint8))


def test_swapped_person_and_garment_are_detected(sample):
    assert masks.looks_swapped(sample.garment, sample.photo.image)
    assert not masks.looks_swapped(sample.photo.image, sample.garment)


def test_fill_holes_fills_only_small_holes():
    mask = np.zeros((100, 100), np.uint8)
    mask[10:90, 10:90] = 255
    mask[20:25, 20:25] = 0
    mask[40:70, 40:70] = 0
    found = masks.fill_holes(mask)
    assert found[22, 22] == 255
    assert found[50, 50] == 0
    assert found[0, 0] == 0


def test_bleed_extends_edge_colours_and_keeps_the_inside():
    picture = np.full((40, 40, 3), 255, np.uint8)
    mask = np.zeros((40, 40), np.uint8)
    picture[10:30, 10:20], picture[10:30, 20:30] = (200, 0, 0), (0, 0, 200)
    mask[10:30, 10:30] = 255
    found = masks.bleed(picture, mask)
    np.testing.assert_array_equal(found[11:29, 11:29], picture[11:29, 11:29])
    np.testing.assert_array_equal(found[20, 2], (200, 0, 0))
    np.testing.assert_array_equal(found[20, 38], (0, 0, 200))
    np.testing.assert_array_equal(masks.bleed(picture, mask * 0), picture)


@pytest.mark.parametrize("name", ["x" * 300 + ".jpg", "a\0b.jpg"])
def test_invalid_file_names_are_refused(name):
    with pytest.raises(ImageError, match=r"can.t be read|not a valid file name"):
        decode.read(name)
