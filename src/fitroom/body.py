"""Labels of human parsing: what each pixel of a photo shows of a person.

Values 0 to 13 are those of VITON's label files. Left and right are the person's own.
"""

from collections.abc import Iterable
from enum import IntEnum


class Label(IntEnum):
    """One label a pixel, as the parser predicts it."""

    BACKGROUND = 0
    HAIR = 1
    RARE_2 = 2  # in three of 10,000 pixels of VITON's labels, with no meaning that holds
    RARE_3 = 3
    UPPER_CLOTHES = 4
    LEFT_SHOE = 5
    RIGHT_SHOE = 6
    NOISE = 7  # of VITON's label files; never predicted
    LOWER_CLOTHES = 8
    LEFT_LEG = 9
    RIGHT_LEG = 10
    LEFT_ARM = 11  # to the wrist
    FACE = 12
    RIGHT_ARM = 13
    NECK = 14
    OTHER = 15  # stays when the top is changed: bags, straps, hats, glasses, scarves, jewellery, phones
    LEFT_HAND = 16
    RIGHT_HAND = 17
    DRESS = 18


LABEL_COUNT = len(Label)
# labels that a parser predicts; the others have next to no pixels to learn from
PREDICTED = tuple(label for label in Label if label not in (Label.RARE_2, Label.RARE_3, Label.NOISE))
TOPS = (Label.UPPER_CLOTHES, Label.DRESS)  # what a new top replaces, in full or above the hem
ARMS = (Label.LEFT_ARM, Label.RIGHT_ARM)
HANDS = (Label.LEFT_HAND, Label.RIGHT_HAND)
LEGS = (Label.LEFT_LEG, Label.RIGHT_LEG)
SHOES = (Label.LEFT_SHOE, Label.RIGHT_SHOE)
SKIN = (Label.FACE, Label.NECK, *ARMS, *HANDS, *LEGS)

OPPOSITE = {
    Label.LEFT_SHOE: Label.RIGHT_SHOE,
    Label.LEFT_LEG: Label.RIGHT_LEG,
    Label.LEFT_ARM: Label.RIGHT_ARM,
    Label.LEFT_HAND: Label.RIGHT_HAND,
}
OPPOSITE |= {right: left for left, right in OPPOSITE.items()}


def mirrored(labels: Iterable[Label]) -> frozenset[Label]:
    """The labels that a mirrored photo shows in place of `labels`."""
    return frozenset(OPPOSITE.get(label, label) for label in labels)
