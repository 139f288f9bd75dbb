"""Runs a network with a built-in parser: its person graph parses and encodes the person in one pass."""

import threading

import numpy as np

from fitroom.arrays import Picture
from fitroom.runtime.interface import Dressed, Features, Parsing, Runner


class ParsingRunner:
    """A `Runner` that is also a `PersonParser`, which returns the first three outputs of the person graph.

    A picture that is parsed and then encoded on the same thread passes through the graph once.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.local = threading.local()

    def parse(self, picture: Picture) -> Parsing:
        """See `PersonParser`."""
        features = self.runner.person_features(picture)
        self.local.latest = picture, features
        return Parsing(*(value[0] for value in features[:3]))

    def person_features(self, person: Picture) -> Features:
        """See `Runner`."""
        picture, features = self.local.__dict__.get("latest", (None, ()))
        if picture is not None and np.array_equal(picture, person):
            return features
        return self.runner.person_features(person)

    def garment_features(self, garment: Picture, garment_mask: Picture) -> Features:
        """See `Runner`."""
        return self.runner.garment_features(garment, garment_mask)

    def dress(
        self,
        person: Picture,
        garment: Picture,
        garment_mask: Picture,
        person_features: Features,
        garment_features: Features,
    ) -> Dressed:
        """See `Runner`."""
        return self.runner.dress(person, garment, garment_mask, person_features, garment_features)
