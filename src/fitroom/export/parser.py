"""Exports a trained parser to a weights folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fitroom.arrays import HEIGHT, WIDTH, Picture
from fitroom.body import LABEL_COUNT
from fitroom.export.graphs import traced_parser
from fitroom.export.single import Quantize, export_single
from fitroom.export.weights import Origin, round_to_half
from fitroom.nets.graphs import ParserGraph
from fitroom.nets.parser import Parser
from fitroom.runtime.interface import Parsing, PersonParser, batched
from fitroom.runtime.openvino import OpenVinoParser
from fitroom.store import Precision, Weights

AGREED = {"fp32": 0.9999, "int8": 0.97}  # required share of pixels with PyTorch's label, by precision


class TorchParser:
    """A `PersonParser` in PyTorch."""

    def __init__(self, parser: Parser) -> None:
        self.graph = ParserGraph(parser).eval()

    @torch.inference_mode()
    def parse(self, picture: Picture) -> Parsing:
        """See `PersonParser`."""
        return Parsing(*(value[0].numpy() for value in self.graph(torch.from_numpy(batched(picture).copy()))))


def agreement(one: PersonParser, other: PersonParser, photos: Sequence[Picture]) -> float:
    """Return the share of pixels on whose label two parsers agree."""
    return float(np.mean([one.parse(photo).label == other.parse(photo).label for photo in photos]))


def export_parser(
    parser: Parser,
    folder: str | Path,
    origin: Origin,
    photos: Sequence[Picture],
    quantize: Quantize | None = None,
    height: int = HEIGHT,
    width: int = WIDTH,
) -> Weights:
    """Write a parser's weights folder: INT8 with `quantize`, otherwise float32. See `export_single`."""
    round_to_half(parser.eval())
    precision: Precision = "fp32" if quantize is None else "int8"
    return export_single(
        parser,
        traced_parser(parser, height, width),
        lambda graphs, pictures: agreement(OpenVinoParser(graphs), TorchParser(parser), pictures),
        AGREED[precision],
        folder,
        origin,
        photos,
        precision,
        height,
        width,
        quantize,
        labels=LABEL_COUNT,
    )
