"""A trained segmenter to a weights folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fitroom.arrays import HEIGHT, WIDTH, Picture
from fitroom.export.graphs import traced_segmenter
from fitroom.export.single import export_single
from fitroom.export.weights import Origin, round_to_half
from fitroom.nets.graphs import SegmenterGraph
from fitroom.nets.segmenter import Segmenter
from fitroom.runtime.interface import SEGMENTER, batched
from fitroom.runtime.openvino import OpenVinoGraphs
from fitroom.store import Precision, Weights

AGREED = 0.9999  # share of pixels that must be garment where PyTorch says so


def agreement(graphs: OpenVinoGraphs, segmenter: Segmenter, pictures: Sequence[Picture]) -> float:
    """Share of the pixels of pictures of which a graph says what PyTorch says: garment, or not."""
    known = SegmenterGraph(segmenter).eval()
    same = []
    for picture in pictures:
        with torch.inference_mode():
            expected = known(torch.from_numpy(batched(picture).copy())).numpy()
        (found,) = graphs.run(SEGMENTER, [batched(picture)])
        same.append((found > 0.5) == (expected > 0.5))
    return float(np.mean(same))


def export_segmenter(
    segmenter: Segmenter,
    folder: str | Path,
    origin: Origin,
    pictures: Sequence[Picture],
    precision: Precision = "fp16",
    height: int = HEIGHT,
    width: int = WIDTH,
) -> Weights:
    """Write a segmenter's weights folder; see `export_single`."""
    round_to_half(segmenter.eval())
    return export_single(
        segmenter,
        traced_segmenter(segmenter, height, width),
        lambda graphs, compared: agreement(OpenVinoGraphs(graphs), segmenter, compared),
        AGREED,
        folder,
        origin,
        pictures,
        precision,
        height,
        width,
    )
