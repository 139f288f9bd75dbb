"""What every runtime does: pictures in, pictures and what lies behind them out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from fitroom.arrays import Array, Picture

Features = tuple[Array, ...]

PERSON, GARMENT, DRESS, LOOK = "person", "garment", "dress", "look"
PARSER, SEGMENTER = "parser", "segmenter"  # graphs of networks of their own
GRAPHS = (PERSON, GARMENT, DRESS)  # what a runner needs; LOOK is all of them in one, for others to run


class Dressed(NamedTuple):
    """Outputs for one person and one garment, in the order of `nets.graphs.Outputs`."""

    look: Picture  # uint8 (H, W, 3)
    flow: Array  # (H, W, 2) appearance flow: sampling grid, x then y, in [-1, 1]
    warped: Picture  # uint8 (H, W, 3) the garment sampled by the flow
    warped_mask: Array  # (H, W) in [0, 1]
    rendered: Array  # (H, W, 3) in 0..255
    composition: Array  # (H, W)
    change: Array  # (H, W)


class Parsing(NamedTuple):
    """What a parser says of a picture."""

    label: Picture  # uint8 (h, w) of `body.Label`
    key_points: Array  # (18, 3) x, y in pixels of the picture, COCO order, and confidence in [0, 1]
    logits: Array | None = None  # (labels, h / 4, w / 4) of `body.PREDICTED`; None: an older parser's

    @property
    def shares(self) -> Array | None:
        """Probabilities (labels, h / 4, w / 4) of `body.PREDICTED`; computed here, since few need them."""
        if self.logits is None:
            return None
        powers = np.exp(self.logits - self.logits.max(axis=0))
        return np.asarray(powers / powers.sum(axis=0), np.float32)


class PersonParser(Protocol):
    """Tells the parts of a person, and where joints are; may be called from several threads."""

    def parse(self, picture: Picture) -> Parsing:
        """Parse a picture, uint8 (H, W, 3) RGB of the size that the weights' manifest gives."""
        ...


class Graphs(Protocol):
    """Runs graphs; may be called from several threads."""

    def run(self, graph: str, inputs: Sequence[Any]) -> list[Any]:
        """Outputs of one graph, in its order, the caller's own."""
        ...


class GarmentSegmenter(Protocol):
    """Tells a garment from any background; may be called from several threads."""

    def segment(self, picture: Picture) -> Picture:
        """Mask (H, W) of 0 and 255 of the garment in a picture, uint8 (H, W, 3) RGB of any size; empty without one."""
        ...


class Runner(Protocol):
    """Runs one network; may be called from several threads.

    Pictures are uint8 (H, W, 3) RGB of the size that the weights' manifest gives, masks uint8 (H, W) of 0 and 255.
    """

    def person_features(self, person: Picture) -> Features:
        """Encode a person."""
        ...

    def garment_features(self, garment: Picture, garment_mask: Picture) -> Features:
        """Encode a garment."""
        ...

    def dress(
        self,
        person: Picture,
        garment: Picture,
        garment_mask: Picture,
        person_features: Features,
        garment_features: Features,
    ) -> Dressed:
        """Dress an encoded person in an encoded garment."""
        ...


def batched(picture: Picture) -> Picture:
    """A picture or mask as graphs take it: in one piece, with a first axis of one."""
    return np.ascontiguousarray(picture)[None]


class GraphRunner(ABC):
    """A `Runner` on exported graphs; what runs one of them is the runtime's."""

    @abstractmethod
    def run(self, graph: str, inputs: Sequence[Any]) -> list[Any]:
        """Outputs of one of GRAPHS, in the graph's order, the caller's own."""

    def person_features(self, person: Picture) -> Features:
        return tuple(self.run(PERSON, [batched(person)]))

    def garment_features(self, garment: Picture, garment_mask: Picture) -> Features:
        return tuple(self.run(GARMENT, [batched(garment), batched(garment_mask)]))

    def dress(
        self,
        person: Picture,
        garment: Picture,
        garment_mask: Picture,
        person_features: Features,
        garment_features: Features,
    ) -> Dressed:
        pictures = [batched(picture) for picture in (person, garment, garment_mask)]
        outputs = self.run(DRESS, [*pictures, *person_features, *garment_features])
        return Dressed(*(value[0] for value in outputs))
