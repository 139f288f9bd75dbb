"""The graphs of a network, and inputs to trace them with."""

from copy import deepcopy
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fitroom.nets.graphs import DressGraph, GarmentGraph, LookGraph, Outputs, ParserGraph, PersonGraph, SegmenterGraph
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.parser import Parser
from fitroom.nets.segmenter import Segmenter
from fitroom.runtime.interface import DRESS, GARMENT, LOOK, PARSER, PERSON, SEGMENTER

Traced = tuple[nn.Module, tuple[Tensor, ...], tuple[str, ...], tuple[str, ...]]


Network = TypeVar("Network", bound=nn.Module)


def folded(network: Network) -> Network:
    """A copy with batch norms folded into the convolutions before them, as runtimes do; so layers keep their names."""
    copy = deepcopy(network).eval()
    for sequence in [module for module in copy.modules() if isinstance(module, nn.Sequential)]:
        for number, (layer, following) in enumerate(pairwise(list(sequence))):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                sequence[number] = fuse_conv_bn_eval(layer, following)
                sequence[number + 1] = nn.Identity()
    return copy


def traced_graphs(network: TryOnNetwork, height: int, width: int) -> dict[str, Traced]:
    """PERSON, GARMENT, DRESS and LOOK of a network: module, example inputs, and names of inputs and outputs."""
    # without gradients: tracers look into no function that has a backward of its own
    network = folded(network).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    # tensors of their own each: a tracer takes one tensor given twice for one input
    person, garment = (torch.randint(0, 256, (1, height, width, 3), generator=generator).byte() for _ in range(2))
    mask = torch.zeros(1, height, width, dtype=torch.uint8)
    mask[:, height // 4 : -height // 4, width // 4 : -width // 4] = 255
    graphs = {kind: kind(network).eval() for kind in (PersonGraph, GarmentGraph, DressGraph, LookGraph)}
    with torch.no_grad():
        features = graphs[PersonGraph](person), graphs[GarmentGraph](garment, mask)
    person_names, garment_names = (
        tuple(f"{side}_{level}" for level in range(len(maps)))
        for side, maps in zip((PERSON, GARMENT), features, strict=True)
    )
    pictures, names = (person, garment, mask), ("person", "garment", "garment_mask")
    return {
        PERSON: (graphs[PersonGraph], pictures[:1], names[:1], person_names),
        GARMENT: (graphs[GarmentGraph], pictures[1:], names[1:], garment_names),
        DRESS: (
            graphs[DressGraph],
            (*pictures, *features[0], *features[1]),
            (*names, *person_names, *garment_names),
            Outputs._fields,
        ),
        LOOK: (graphs[LookGraph], pictures, names, ("look",)),
    }


def traced_parser(parser: Parser, height: int, width: int) -> dict[str, Traced]:
    """PARSER of a parser, as `traced_graphs` gives graphs."""
    person = some_picture(height, width)
    return {PARSER: (ParserGraph(folded(parser)).eval(), (person,), ("person",), ("label", "key_points", "logits"))}


def traced_segmenter(segmenter: Segmenter, height: int, width: int) -> dict[str, Traced]:
    """SEGMENTER of a segmenter, as `traced_graphs` gives graphs."""
    garment = some_picture(height, width)
    return {SEGMENTER: (SegmenterGraph(folded(segmenter)).eval(), (garment,), ("garment",), ("share",))}


def some_picture(height: int, width: int) -> Tensor:
    """Any picture, uint8 (1, height, width, 3)."""
    return torch.randint(0, 256, (1, height, width, 3), generator=torch.Generator().manual_seed(0)).byte()
