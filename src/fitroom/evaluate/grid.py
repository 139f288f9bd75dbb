"""Draw a contact sheet of the worst cases: person, garment, warped garment and look."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fitroom.arrays import Picture
from fitroom.data.viton import Pair
from fitroom.errors import InputError
from fitroom.evaluate.evaluate import Evaluation, dress
from fitroom.evaluate.measures import CASES, PAIRED_CASES
from fitroom.evaluate.plan import Plan, Progress
from fitroom.evaluate.systems import System
from fitroom.photo.frames import cut, garment_frame, shrink

COLUMNS = 3  # cases in a row of the sheet, four pictures each
CAPTION = 20  # pixels above each case


def check_measure(key: str, paired: bool) -> None:
    """Raise InputError if cases can't be sorted by a measure."""
    if key not in CASES:
        raise InputError(f"measure {key!r} is unknown; cases can be sorted by: {', '.join(CASES)}.")
    if key in PAIRED_CASES and not paired:
        raise InputError(f"measure {key!r} needs a paired list.")


def worst_cases(result: Evaluation, key: str, count: int) -> list[tuple[Pair, float]]:
    """Return the pairs with the worst values of a measure, worst first. Raises InputError if no case has a value."""
    cases = result.paired_cases if key in PAIRED_CASES else result.cases
    measured = sorted(
        (case for case in cases if key in case), key=lambda case: case[key], reverse=CASES[key] == "lower"
    )
    if not measured:
        reason = "; ".join(f"{what}: {why}" for what, why in result.not_measured.items())
        raise InputError(f"measure {key!r} was not measured, so cases can't be sorted by it ({reason}).")
    return [(Pair(case["person"], case["garment"]), case[key]) for case in measured[:count]]


def contact_sheet(system: System, plan: Plan, cases: list[tuple[Pair, float]], key: str, progress: Progress) -> Picture:
    """Dress the pairs of some cases again and draw four pictures for each, uint8 (H, W, 3).

    Pixels without a warped garment are grey.
    """
    height, width = plan.height, plan.width
    across = min(COLUMNS, len(cases))
    down = -(-len(cases) // across)
    sheet = Image.new("RGB", (across * (4 * width + 12), down * (height + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, (pair, value) in enumerate(progress(cases, "drawing")):
        subject = plan.subject(pair.person)
        garment = plan.garment(pair.garment)
        look = dress(system, plan, subject.photo, pair.garment, subject.key_points)
        framed = shrink(cut(garment, garment_frame(*garment.shape[1::-1]), (255, 255, 255)), height, width)
        nothing = np.full((height, width, 3), 200, np.uint8)
        warped = nothing if look.warped_garment is None else look.warped_garment
        if look.warped_mask is not None:
            warped = np.where(look.warped_mask[..., None], warped, nothing)
        left, top = number % across * (4 * width + 12), number // across * (height + CAPTION)
        draw.text((left + 2, top + 2), f"{key} {value:.4g}   {pair.person} in {pair.garment}", "black", font)
        sheet.paste(Image.fromarray(np.hstack([subject.photo, framed, warped, look.image])), (left, top + CAPTION))
    return np.asarray(sheet, np.uint8)
