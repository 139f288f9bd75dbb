"""Networks as they are deployed: bytes in, bytes out, and everything between in one graph.

Pictures are uint8 (1, H, W, 3) RGB as decoders give them, masks uint8 (1, H, W) of 0 and 255. Turning them into what a
network reads, and its answer into a picture, is part of the graph, so that every runtime does it alike.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fitroom.nets.interface import Features, TryOnNetwork
from fitroom.nets.parser import Parser, key_points, likeliest
from fitroom.nets.segmenter import Segmenter


class Outputs(NamedTuple):
    """Outputs of the graphs that dress, in this order."""

    look: Tensor  # uint8 (1, H, W, 3)
    flow: Tensor  # (1, H, W, 2) appearance flow, x then y, in [-1, 1]
    warped: Tensor  # uint8 (1, H, W, 3) the garment sampled by the flow
    warped_mask: Tensor  # (1, H, W) in [0, 1]
    rendered: Tensor  # (1, H, W, 3) rendered person in 0..255
    composition: Tensor  # (1, H, W) share of the warped garment
    change: Tensor  # (1, H, W) 0 where the photo's own pixels stay


def to_unit(picture: Tensor) -> Tensor:
    """uint8 (1, H, W, 3) to (1, 3, H, W) in [-1, 1]."""
    return picture.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_mask(mask: Tensor) -> Tensor:
    """uint8 (1, H, W) to (1, 1, H, W) of 0 and 1."""
    return (mask.unsqueeze(1) > 127).float()


def to_colours(x: Tensor) -> Tensor:
    """(1, 3, H, W) in [-1, 1] to (1, H, W, 3) in 0..255."""
    return ((x + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1)


def to_bytes(x: Tensor) -> Tensor:
    """(1, 3, H, W) in [-1, 1] to uint8 (1, H, W, 3), to the nearest."""
    return (to_colours(x) + 0.5).to(torch.uint8)


class Graph(nn.Module):
    """A network behind one of its deployed faces."""

    def __init__(self, network: TryOnNetwork) -> None:
        super().__init__()
        self.network = network


class PersonGraph(Graph):
    """photo -> features"""

    def forward(self, person: Tensor) -> Features:
        return self.network.person_features(to_unit(person))


class GarmentGraph(Graph):
    """garment, garment mask -> features"""

    def forward(self, garment: Tensor, garment_mask: Tensor) -> Features:
        return self.network.garment_features(to_unit(garment), to_mask(garment_mask))


class DressGraph(Graph):
    """photo, garment, garment mask, features of person and garment -> `Outputs`"""

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor, *features: Tensor) -> Outputs:
        persons = self.network.person_maps
        pictures = to_unit(person), to_unit(garment), to_mask(garment_mask)
        dressed = self.network.dress(*pictures, features[:persons], features[persons:])
        return Outputs(
            to_bytes(dressed.look),
            dressed.flow.permute(0, 2, 3, 1),
            to_bytes(dressed.warped),
            dressed.warped_mask.squeeze(1),
            to_colours(dressed.rendered),
            dressed.composition.squeeze(1),
            dressed.change.squeeze(1),
        )


class LookGraph(Graph):
    """photo, garment, garment mask -> look, uint8 (1, H, W, 3): everything in one graph"""

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor) -> Tensor:
        return to_bytes(self.network(to_unit(person), to_unit(garment), to_mask(garment_mask)).look)


class ParserGraph(nn.Module):
    """photo -> label, key points, logits

    Label uint8 (1, H, W); key points (1, 18, 3): x, y in pixels of the photo, confidence; logits (1, labels, H / 4,
    W / 4) of each of `body.PREDICTED`.
    """

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, person: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parsed = self.parser(to_unit(person))
        return likeliest(parsed.labels), key_points(parsed.points, self.parser.calibration), parsed.coarse


class SegmenterGraph(nn.Module):
    """garment -> how likely every pixel is garment, (1, H, W) in [0, 1]"""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, garment: Tensor) -> Tensor:
        return self.segmenter(to_unit(garment)).sigmoid().squeeze(1)  # type: ignore[no-any-return]
