"""Label sets: the labels of `body.Label` that a value of a data set can mean.

Data sets have coarser labels than the parser. A street photo's "skin", for example, may be face, neck, arms, hands or
legs. The target of a pixel is therefore a set of labels, given as a row of TABLE. Rows 0 to 18 hold one label each.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.body import Label

SINGLE = tuple(frozenset({label}) for label in Label)
NOT_PERSON = frozenset({Label.BACKGROUND, Label.OTHER})  # VITON's background may be a bag
MAYBE_NECK = frozenset({Label.BACKGROUND, Label.NECK, Label.OTHER})
TOP = frozenset(body.TOPS)
LEFT_ARM_OR_HAND = frozenset({Label.LEFT_ARM, Label.LEFT_HAND})
RIGHT_ARM_OR_HAND = frozenset({Label.RIGHT_ARM, Label.RIGHT_HAND})
SKIN = frozenset(body.SKIN)
UPPER_SKIN = SKIN - set(body.LEGS)
LEG = frozenset(body.LEGS)
SHOE = frozenset(body.SHOES)
BELT = frozenset({*body.TOPS, Label.LOWER_CLOTHES})
ANY = frozenset(Label)
SETS = (
    *SINGLE,
    NOT_PERSON,
    MAYBE_NECK,
    TOP,
    LEFT_ARM_OR_HAND,
    RIGHT_ARM_OR_HAND,
    SKIN,
    UPPER_SKIN,
    LEG,
    SHOE,
    BELT,
    ANY,
)
ROW = {labels: row for row, labels in enumerate(SETS)}
TABLE = np.array([[label in labels for label in Label] for labels in SETS])  # bool (sets, labels)
MIRRORED_ROWS = tuple(ROW[body.mirrored(labels)] for labels in SETS)


class Groups(NamedTuple):
    """Classes of a data set. The parser's labels are mapped to these classes for scoring."""

    names: tuple[str, ...]
    of_label: NDArray[np.int64]  # (labels,) class of each label of `body.Label`
    of_set: NDArray[np.int64]  # (sets,) class of each row of TABLE; -1: not scored

    def compared(self, labels: NDArray[np.uint8], sets: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the true and predicted classes, int64 (n,), of all scored pixels.

        `labels` are predictions and `sets` are targets, both uint8 (..., H, W). A predicted label that is in the set of
        its pixel counts as correct.
        """
        true = self.of_set[sets]
        mine = np.where(TABLE[sets, labels], true, self.of_label[labels])
        scored = true >= 0
        return true[scored], mine[scored]


def grouped(names: tuple[str, ...], groups: Mapping[Label, int], own: Mapping[frozenset[Label], int]) -> Groups:
    """Build classes from the class of every label.

    A set belongs to the class that all its labels share, otherwise to the class given in `own`. All other sets are not
    scored.
    """
    of_set = []
    for labels in SETS:
        found = {groups[label] for label in labels}
        of_set.append(found.pop() if len(found) == 1 else own.get(labels, -1))
    return Groups(names, np.array([groups[label] for label in Label]), np.array(of_set))


# VITON labels the neck and `other` as background, a dress as upper clothes, and hands as arms
VITON = grouped(
    tuple(label.name.lower() for label in Label if label <= Label.RIGHT_ARM),
    {label: int(label) for label in Label}
    | {
        Label.NECK: 0,
        Label.OTHER: 0,
        Label.DRESS: 4,
        Label.LEFT_HAND: 11,
        Label.RIGHT_HAND: 13,
    },
    own={},
)
STREET = grouped(
    ("background", "hair", "skin", "top", "lower", "other", "feet"),
    {
        Label.BACKGROUND: 0,
        Label.NOISE: 0,
        Label.RARE_2: 5,
        Label.RARE_3: 5,
        Label.HAIR: 1,
        Label.UPPER_CLOTHES: 3,
        Label.DRESS: 3,
        Label.LOWER_CLOTHES: 4,
        Label.OTHER: 5,
        Label.LEFT_SHOE: 6,
        Label.RIGHT_SHOE: 6,
    }
    | dict.fromkeys(body.SKIN, 2),
    own={NOT_PERSON: 0, BELT: 4},
)
