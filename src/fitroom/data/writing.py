"""Files of the VITON layout, written: each whole or not at all."""

import json
from pathlib import Path

import cv2

from fitroom.arrays import Array
from fitroom.data.viton import Image


def write_image(path: Path, image: Image) -> None:
    """Write RGB (H, W, 3) or one channel (H, W); JPEG at quality 95. Raises OSError where that fails."""
    stored = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == ".jpg" else []
    done, encoded = cv2.imencode(path.suffix, stored, options)
    if not done:
        raise OSError(0, "encoding failed")
    write_whole(path, encoded.tobytes())


def write_pose(path: Path, key_points: Array) -> None:
    """Write key points (18, 3), x and y in pixels and confidence, as OpenPose does. Raises OSError."""
    person = {"pose_keypoints": key_points.round(3).ravel().tolist()}
    write_whole(path, json.dumps({"version": 1.0, "people": [person]}).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is never seen half written. Raises OSError."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
