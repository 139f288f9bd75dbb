"""Garments told from any background but a studio's: by our own network, or by rembg (extra `rembg`).

rembg downloads its network once, from its own project's releases, into the folder that the variable U2NET_HOME names;
where the file u2net.onnx lies there already, nothing is asked for.
"""

from typing import Any

import cv2
import numpy as np
from PIL import Image

from fitroom.arrays import Picture
from fitroom.errors import ImageError, MissingExtraError
from fitroom.photo.frames import shrink
from fitroom.photo.masks import fill_holes, largest_pieces
from fitroom.runtime.interface import SEGMENTER, Graphs, batched

MODEL = "u2net"  # free for any use, which rembg's own default is not
GREEN = (0, 177, 64)  # what studios stand actors before: garments rarely have it


def shown_mask(picture: Picture, mask: Picture) -> Picture:
    """A garment (H, W, 3) cut out by its mask (H, W), on green."""
    return np.where(mask[:, :, None] > 127, picture, np.array(GREEN, np.uint8))


class LearnedSegmenter:
    """See `interface.GarmentSegmenter`: the project's own network."""

    def __init__(self, graphs: Graphs, height: int, width: int) -> None:
        """`graphs` runs SEGMENTER on pictures of this size."""
        self.graphs, self.height, self.width = graphs, height, width

    def segment(self, picture: Picture) -> Picture:
        """See `interface.GarmentSegmenter`."""
        height, width = picture.shape[:2]
        scale = min(self.height / height, self.width / width)
        rows, columns = max(round(height * scale), 1), max(round(width * scale), 1)
        small = shrink(picture, rows, columns)
        top, left = (self.height - rows) // 2, (self.width - columns) // 2
        below, right = self.height - rows - top, self.width - columns - left
        # what a garment lies on goes on beyond the picture
        framed = np.asarray(cv2.copyMakeBorder(small, top, below, left, right, cv2.BORDER_REPLICATE), np.uint8)
        (share,) = self.graphs.run(SEGMENTER, [batched(framed)])
        seen = share[0, top : top + rows, left : left + columns]
        whole = cv2.resize(np.ascontiguousarray(seen), (width, height), interpolation=cv2.INTER_LINEAR)
        return fill_holes(largest_pieces((whole > 0.5).astype(np.uint8))[0])


class RembgSegmenter:
    """See `interface.GarmentSegmenter`."""

    def __init__(self) -> None:
        """Raises MissingExtraError without rembg, ImageError where its network can't be had."""
        try:
            import rembg
        except ImportError as error:
            raise MissingExtraError(
                f"segmenter rembg needs packages that are not installed ({error.name}); "
                "install them with: pip install -c constraints.txt '.[rembg]'"
            ) from error
        self.remove: Any = rembg.remove
        try:
            self.session: Any = rembg.new_session(MODEL)
        # of its downloader, its network library and its runtime: they have no base in common
        except Exception as error:
            raise ImageError(
                f"segmenter rembg: {MODEL}.onnx can't be downloaded or opened ({type(error).__name__}: {error}). "
                "rembg fetches it itself, once: put the file into the folder that U2NET_HOME names, or give a garment "
                "mask."
            ) from error

    def segment(self, picture: Picture) -> Picture:
        """See `interface.GarmentSegmenter`."""
        grey = self.remove(Image.fromarray(picture), session=self.session, only_mask=True)
        return np.where(np.asarray(grey.convert("L")) > 127, 255, 0).astype(np.uint8)
