"""Exports a trained segmenter to a weights folder."""

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

AGREED = 0.9999  # required share of pixels with PyTorch's decision, garment or not


def agreement(graphs: OpenVinoGraphs, segmenter: Segmenter, pictures: Sequence[Picture]) -> float:
    """Return the share of pixels on which the graph and PyTorch agree: garment or not."""
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
    """Write a segmenter's weights folder. See `export_single`."""
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
