"""Networks as deployed: graphs from bytes to bytes, including all conversions.

Pictures are uint8 (1, H, W, 3) RGB as from decoders, masks uint8 (1, H, W) of 0 and 255. The conversion of pictures to
network inputs, and of outputs to pictures, is part of the graph, so that every runtime does it in the same way.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fitroom.nets.interface import Features, TryOnNetwork
from fitroom.nets.parser import Parser, key_points, likeliest
from fitroom.nets.segmenter import Segmenter


class Outputs(NamedTuple):
    """Outputs of `DressGraph`, in this order."""

    look: Tensor  # uint8 (1, H, W, 3)
    flow: Tensor  # (1, H, W, 2) appearance flow, x then y, in [-1, 1]
    warped: Tensor  # uint8 (1, H, W, 3) the garment sampled by the flow
    warped_mask: Tensor  # (1, H, W) in [0, 1]
    rendered: Tensor  # (1, H, W, 3) rendered person in 0..255
    composition: Tensor  # (1, H, W) share of the warped garment
    change: Tensor  # (1, H, W) 0 where the photo's own pixels stay


def to_unit(picture: Tensor) -> Tensor:
    """Convert uint8 (1, H, W, 3) to (1, 3, H, W) in [-1, 1]."""
    return picture.permute(0, 3, 1, 2).float() / 127.5 - 1


def to_mask(mask: Tensor) -> Tensor:
    """Convert uint8 (1, H, W) to (1, 1, H, W) of 0 and 1."""
    return (mask.unsqueeze(1) > 127).float()


def to_colours(x: Tensor) -> Tensor:
    """Convert (1, 3, H, W) in [-1, 1] to (1, H, W, 3) in 0..255."""
    return ((x + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1)


def to_bytes(x: Tensor) -> Tensor:
    """Convert (1, 3, H, W) in [-1, 1] to uint8 (1, H, W, 3), rounded to the nearest."""
    return (to_colours(x) + 0.5).to(torch.uint8)


class Graph(nn.Module):
    """Base class of the deployed graphs of a try-on network."""

    def __init__(self, network: TryOnNetwork) -> None:
        super().__init__()
        self.network = network


class PersonGraph(Graph):
    """Graph from a photo to person features."""

    def forward(self, person: Tensor) -> Features:
        """Encode a photo."""
        return self.network.person_features(to_unit(person))


class GarmentGraph(Graph):
    """Graph from garment and garment mask to garment features."""

    def forward(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """Encode a garment."""
        return self.network.garment_features(to_unit(garment), to_mask(garment_mask))


class DressGraph(Graph):
    """Graph from photo, garment, garment mask, and features of person and garment to `Outputs`."""

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor, *features: Tensor) -> Outputs:
        """Dress an encoded person in an encoded garment. `features` are the person's, followed by the garment's."""
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
    """Graph from photo, garment and garment mask to a look: everything in one graph."""

    def forward(self, person: Tensor, garment: Tensor, garment_mask: Tensor) -> Tensor:
        """Return the look, uint8 (1, H, W, 3)."""
        return to_bytes(self.network(to_unit(person), to_unit(garment), to_mask(garment_mask)).look)


class ParserGraph(nn.Module):
    """Graph from a photo to label, key points and logits.

    The label is uint8 (1, H, W). Key points are (1, 18, 3): x, y in pixels of the photo, and confidence. Logits are
    (1, labels, H / 4, W / 4), one map for each of `body.PREDICTED`.
    """

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, person: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Parse a photo."""
        parsed = self.parser(to_unit(person))
        return likeliest(parsed.labels), key_points(parsed.points, self.parser.calibration), parsed.coarse


class SegmenterGraph(nn.Module):
    """Graph from a garment picture to the garment's mask."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, garment: Tensor) -> Tensor:
        """Return the probability that each pixel is garment, (1, H, W) in [0, 1]."""
        return self.segmenter(to_unit(garment)).sigmoid().squeeze(1)  # type: ignore[no-any-return]
