"""Defines the interface of every runtime: protocols, graph names, inputs and outputs."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from fitroom.arrays import Array, Picture

Features = tuple[Array, ...]

PERSON, GARMENT, DRESS, LOOK = "person", "garment", "dress", "look"
PARSER, SEGMENTER = "parser", "segmenter"  # each the only graph of its own network
GRAPHS = (PERSON, GARMENT, DRESS)  # graphs of a runner; LOOK combines them for use outside fitroom


class Dressed(NamedTuple):
    """Outputs for one person and one garment, in the order of `nets.graphs.Outputs`."""

    look: Picture  # uint8 (H, W, 3)
    flow: Array  # (H, W, 2) appearance flow: sampling grid, x then y, in [-1, 1]
    warped: Picture  # uint8 (H, W, 3) the garment sampled by the flow
    warped_mask: Array  # (H, W) in [0, 1]
    rendered: Array  # (H, W, 3) in 0..255
    composition: Array  # (H, W) share of the warped garment against the rendered person
    change: Array  # (H, W) 0 where the photo's own pixels stay


class Parsing(NamedTuple):
    """Output of a parser for one picture."""

    label: Picture  # uint8 (h, w) of `body.Label`
    key_points: Array  # (18, 3) x and y in pixels of the picture, confidence in [0, 1]; COCO order
    logits: Array | None = None  # (labels, h / 4, w / 4) of `body.PREDICTED`; None for older parsers

    @property
    def shares(self) -> Array | None:
        """Probabilities (labels, h / 4, w / 4) of `body.PREDICTED`, or None without logits. Computed on each access."""
        if self.logits is None:
            return None
        powers = np.exp(self.logits - self.logits.max(axis=0))
        return np.asarray(powers / powers.sum(axis=0), np.float32)


class PersonParser(Protocol):
    """Labels the parts of a person and finds the joints. Thread-safe."""

    def parse(self, picture: Picture) -> Parsing:
        """Parse a picture, uint8 (H, W, 3) RGB of the size that the weights' manifest gives."""
        ...


class Graphs(Protocol):
    """Runs graphs by name. Thread-safe."""

    def run(self, graph: str, inputs: Sequence[Any]) -> list[Any]:
        """Run one graph. Returns its outputs in the graph's order; the caller owns them."""
        ...


class GarmentSegmenter(Protocol):
    """Separates a garment from any background. Thread-safe."""

    def segment(self, picture: Picture) -> Picture:
        """Return the garment mask (H, W), 0 or 255, of a picture, uint8 (H, W, 3) RGB of any size.

        The mask is all 0 if no garment is found.
        """
        ...


class Runner(Protocol):
    """Runs one try-on network. Thread-safe.

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
    """Return a picture or mask as graphs take it: contiguous, with a batch axis of size 1."""
    return np.ascontiguousarray(picture)[None]


class GraphRunner(ABC):
    """A `Runner` on exported graphs. Subclasses implement `run` for their runtime."""

    @abstractmethod
    def run(self, graph: str, inputs: Sequence[Any]) -> list[Any]:
        """Run one of GRAPHS. Returns its outputs in the graph's order; the caller owns them."""

    def person_features(self, person: Picture) -> Features:
        """See `Runner`."""
        return tuple(self.run(PERSON, [batched(person)]))

    def garment_features(self, garment: Picture, garment_mask: Picture) -> Features:
        """See `Runner`."""
        return tuple(self.run(GARMENT, [batched(garment), batched(garment_mask)]))

    def dress(
        self,
        person: Picture,
        garment: Picture,
        garment_mask: Picture,
        person_features: Features,
        garment_features: Features,
    ) -> Dressed:
        """See `Runner`."""
        pictures = [batched(picture) for picture in (person, garment, garment_mask)]
        outputs = self.run(DRESS, [*pictures, *person_features, *garment_features])
        return Dressed(*(value[0] for value in outputs))
