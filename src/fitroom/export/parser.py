"""A trained parser to a weights folder: its graph, in float32 or INT8, compared with PyTorch before it is kept."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from fitroom.errors import ExportError
from fitroom.export import openvino
from fitroom.export.graphs import traced_parser
from fitroom.export.weights import Origin, round_to_half
from fitroom.images import HEIGHT, WIDTH, Picture
from fitroom.nets.graphs import ParserGraph
from fitroom.nets.parser import Parser
from fitroom.nets.registry import TENSORS
from fitroom.runtime.interface import PARSER, Parsing, PersonParser, batched
from fitroom.runtime.openvino import OpenVinoParser, compile_graphs
from fitroom.store import Manifest, Precision, Weights, save_weights

COMPARED = 8  # photos
AGREED = {"fp32": 0.9999, "int8": 0.97}  # share of pixels whose label must be PyTorch's, by precision


class TorchParser:
    """See `interface.PersonParser`; in PyTorch."""

    def __init__(self, parser: Parser) -> None:
        self.graph = ParserGraph(parser).eval()

    @torch.inference_mode()
    def parse(self, picture: Picture) -> Parsing:
        """See `interface.PersonParser`."""
        label, key_points = self.graph(torch.from_numpy(batched(picture).copy()))
        return Parsing(label[0].numpy(), key_points[0].numpy())


def agreement(one: PersonParser, other: PersonParser, photos: Sequence[Picture]) -> float:
    """Share of the pixels of photos in whose label two parsers agree."""
    return float(np.mean([one.parse(photo).label == other.parse(photo).label for photo in photos]))


def export_parser(
    parser: Parser, folder: str | Path, origin: Origin, photos: Sequence[Picture], precision: Precision = "int8",
    height: int = HEIGHT, width: int = WIDTH,
) -> Weights:  # fmt: skip
    """Write a parser's weights folder. INT8's ranges come from `photos`, uint8 (height, width, 3), which also compare.

    Raises ExportError where labels differ from PyTorch's by more than the precision allows, OutputError where the
    folder can't be written; nothing is left behind then.
    """
    round_to_half(parser.eval())
    manifest = Manifest(
        **dataclasses.asdict(origin), network=parser.name, config=dataclasses.asdict(parser.config),
        align_corners=False, height=height, width=width, precision=precision, files={},
    )  # fmt: skip

    def write(target: Path) -> None:
        models = openvino.converted(traced_parser(parser, height, width))
        if precision == "int8":
            from fitroom.compress.quantize import of_inputs

            models = {PARSER: of_inputs(models[PARSER], [[batched(photo)] for photo in photos])}
        openvino.save(models, target, half=precision != "fp32")
        save_file({key: value.half() if value.is_floating_point() else value
                   for key, value in parser.state_dict().items()}, target / TENSORS)  # fmt: skip
        written = OpenVinoParser(compile_graphs({PARSER: str(target / f"{PARSER}.xml")}))
        found = agreement(written, TorchParser(parser), photos[:COMPARED])
        wanted = AGREED.get(precision, AGREED["fp32"])
        if found < wanted:
            raise ExportError(f"labels of the exported parser agree with PyTorch's in {found:.2%}; need {wanted:.2%}.")

    return save_weights(folder, manifest, write)
