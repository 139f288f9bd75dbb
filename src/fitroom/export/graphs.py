"""Builds the graphs of networks, with example inputs for tracing."""

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
    """Return a copy in evaluation mode with batch norms folded into the convolutions before them.

    Runtimes fold them too; folding here keeps the names of the layers.
    """
    copy = deepcopy(network).eval()
    for sequence in [module for module in copy.modules() if isinstance(module, nn.Sequential)]:
        for number, (layer, following) in enumerate(pairwise(list(sequence))):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                sequence[number] = fuse_conv_bn_eval(layer, following)
                sequence[number + 1] = nn.Identity()
    return copy


def traced_graphs(network: TryOnNetwork, height: int, width: int) -> dict[str, Traced]:
    """Return the graphs PERSON, GARMENT, DRESS and LOOK of a network by name.

    Each has its module, example inputs, input names and output names.
    """
    # without gradients, because tracers can't look into functions with a custom backward
    network = folded(network).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    # separate tensors: a tracer merges inputs that are the same tensor
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
    """Return the graph PARSER of a parser. See `traced_graphs`."""
    person = some_picture(height, width)
    return {PARSER: (ParserGraph(folded(parser)).eval(), (person,), ("person",), ("label", "key_points", "logits"))}


def traced_segmenter(segmenter: Segmenter, height: int, width: int) -> dict[str, Traced]:
    """Return the graph SEGMENTER of a segmenter. See `traced_graphs`."""
    garment = some_picture(height, width)
    return {SEGMENTER: (SegmenterGraph(folded(segmenter)).eval(), (garment,), ("garment",), ("share",))}


def some_picture(height: int, width: int) -> Tensor:
    """Return a random picture, uint8 (1, height, width, 3)."""
    return torch.randint(0, 256, (1, height, width, 3), generator=torch.Generator().manual_seed(0)).byte()
