"""Runs a network that holds a parser: its person graph says what a parser says, and encodes the person by the way."""

import threading

import numpy as np

from fitroom.arrays import Picture
from fitroom.runtime.interface import Dressed, Features, Parsing, Runner


class ParsingRunner:
    """A `Runner` that is a `PersonParser` too, by the first three outputs of the person graph.

    A picture that is parsed and then encoded on the same thread is computed once.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.local = threading.local()

    def parse(self, picture: Picture) -> Parsing:
        """See `interface.PersonParser`."""
        features = self.runner.person_features(picture)
        self.local.latest = picture, features
        return Parsing(*(value[0] for value in features[:3]))

    def person_features(self, person: Picture) -> Features:
        """See `interface.Runner`."""
        picture, features = self.local.__dict__.get("latest", (None, ()))
        if picture is not None and np.array_equal(picture, person):
            return features
        return self.runner.person_features(person)

    def garment_features(self, garment: Picture, garment_mask: Picture) -> Features:
        """See `interface.Runner`."""
        return self.runner.garment_features(garment, garment_mask)

    def dress(
        self,
        person: Picture,
        garment: Picture,
        garment_mask: Picture,
        person_features: Features,
        garment_features: Features,
    ) -> Dressed:
        """See `interface.Runner`."""
        return self.runner.dress(person, garment, garment_mask, person_features, garment_features)
