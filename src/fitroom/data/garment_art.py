"""Draw garments: random specifications, and their flat product shots.

Lengths are in shoulder widths. The origin of a garment is the middle between its shoulders, with y down.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.body import Skeleton
from fitroom.data import drawing
from fitroom.data.drawing import Array

NECKLINES = {"crew": (0.2, 0.16), "scoop": (0.25, 0.33), "v": (0.2, 0.42), "boat": (0.34, 0.07)}  # half width, depth
PRINTS = ("plain", "stripes", "bars", "dots", "check", "text", "badge", "blocks", "leaves")
PALETTE = (
    (236, 236, 232),
    (28, 29, 34),
    (176, 40, 50),
    (30, 58, 110),
    (38, 108, 82),
    (232, 186, 58),
    (226, 132, 148),
    (96, 150, 196),
    (122, 92, 150),
    (208, 106, 46),
    (150, 156, 160),
    (92, 70, 54),
    (24, 140, 142),
    (196, 210, 170),
)
WORDS = ("FITROOM", "HELLO", "SUNDAY", "1984", "OCEAN", "NORTH", "PLAY", "RADIO")
UPPER_ARM, FOREARM = 0.85, 0.8
HIPS = 1.45


@dataclass(frozen=True)
class Garment:
    """Specification of a drawn garment."""

    sleeve: float  # length along the arm: 0 sleeveless, 0.45 short, 0.8 three quarters, 1.55 long
    sleeve_width: float  # half width at the shoulder
    neckline: str  # a key of NECKLINES
    length: float  # from shoulders to hem
    waist: float  # half width
    hem: float  # half width
    colour: tuple[int, int, int]  # RGB
    accent: tuple[int, int, int]  # RGB of print and trims
    print: str  # one of PRINTS
    print_scale: float
    seed: int  # seed of the print's details


@dataclass(frozen=True)
class Flat:
    """A drawn garment, laid out flat."""

    picture: Array  # (H, W, 3) RGB 0..255, product shot on white
    cloth: Array  # (H, W, 3), print without outline or shading
    parts: tuple[Array, Array, Array]  # masks (H, W) in [0, 1] of torso, right sleeve and left sleeve
    mask: Array  # (H, W) in [0, 1], the whole garment with the visible inside of its back
    skeleton: Skeleton


def random_garment(rng: np.random.Generator) -> Garment:
    """Return a random garment."""
    colour, accent = (PALETTE[i] for i in rng.choice(len(PALETTE), 2, replace=False))
    if abs(sum(colour) - sum(accent)) < 150:
        accent = (240, 240, 236) if sum(colour) < 380 else (34, 36, 44)
    waist = rng.uniform(0.44, 0.53)
    return Garment(
        sleeve=float(rng.choice([0.0, 0.42, 0.5, 0.85, 1.5, 1.6], p=[0.12, 0.26, 0.22, 0.1, 0.15, 0.15])),
        sleeve_width=float(rng.uniform(0.19, 0.24)),
        neckline=str(rng.choice(list(NECKLINES))),
        length=float(rng.uniform(1.5, 1.85)),
        waist=float(waist),
        hem=float(waist + rng.uniform(0.0, 0.07)),
        colour=colour,
        accent=accent,
        print=str(rng.choice(PRINTS)),
        print_scale=float(rng.uniform(0.75, 1.3)),
        seed=int(rng.integers(2**31)),
    )


def flat_joints(sleeve: float) -> Array:
    """Return the joints (18, 2) of a garment laid flat, in shoulder widths.

    Arms hang 34 degrees from the vertical, and 20 degrees when `sleeve` is 0.7 or longer.
    """
    points = np.zeros((18, 2), np.float32)
    angle = np.deg2rad(34 if sleeve < 0.7 else 20)
    for sign, (shoulder, elbow, wrist), hip in (
        (-1, body.ARM_JOINTS[body.RIGHT_ARM], body.RIGHT_HIP),
        (1, body.ARM_JOINTS[body.LEFT_ARM], body.LEFT_HIP),
    ):
        direction = np.array([sign * np.sin(angle), np.cos(angle)])
        points[shoulder] = sign * 0.5, 0.0
        points[elbow] = points[shoulder] + UPPER_ARM * direction
        points[wrist] = points[elbow] + FOREARM * direction
        points[hip] = sign * 0.36, HIPS
    return points


def torso_outline(garment: Garment) -> Array:
    """Return the outline of the garment's torso in shoulder widths, without collar and with the neck cut out."""
    half, depth = NECKLINES[garment.neckline]
    shoulder = 0.53 if garment.sleeve else 0.47
    right = [(half, -0.13), (shoulder, -0.03), (shoulder - 0.02, 0.15), (0.46, 0.4), (garment.waist, 0.95)]
    right += [(garment.hem, garment.length - 0.06), (garment.hem, garment.length)]
    lower = [(x * garment.hem, garment.length + 0.03 * (1 - x * x)) for x in (0.9, 0.6, 0.2, -0.2, -0.6, -0.9)]
    left = [(-x, y) for x, y in reversed(right)]
    neck = [tuple(point) for point in neck_curve(half, depth, garment.neckline)[1:-1]]
    return np.asarray([*right, *lower, *left, *neck], np.float32)


def neck_curve(half: float, depth: float, neckline: str) -> Array:
    """Return the front edge of a neck opening, from left to right, in shoulder widths."""
    if neckline == "v":
        sides = [(-half, -0.13), (-half * 0.5, depth * 0.45), (0.0, depth), (half * 0.5, depth * 0.45), (half, -0.13)]
        return np.asarray(sides, np.float32)
    angles = np.linspace(np.pi, 0, 9)
    bow = [(half * np.cos(a), -0.13 + (depth + 0.13) * max(np.sin(a), 0.0) ** 0.8) for a in angles]
    return np.asarray(bow, np.float32)


def neck_opening(garment: Garment, rim: float = 0.0) -> Array:
    """Return the outline of the neck opening, widened by `rim`, in shoulder widths.

    It shows the inside of the back. The widened outline is the trim.
    """
    half, depth = NECKLINES[garment.neckline]
    curve = neck_curve(half + rim, depth + rim * (1.6 if garment.neckline == "v" else 1), garment.neckline)
    back = np.asarray([(half * 0.7, -0.135 - 1.5 * rim), (-half * 0.7, -0.135 - 1.5 * rim)], np.float32)
    return np.concatenate([curve, back])


def sleeve_outline(garment: Garment, points: Array, part: int) -> Array:
    """Return the outline of one sleeve in shoulder widths. It reaches a little under the torso."""
    shoulder, _, wrist = (points[j] for j in body.ARM_JOINTS[part])
    side = np.sign(shoulder[0])
    direction = (wrist - shoulder) / np.linalg.norm(wrist - shoulder)
    outward = np.array([direction[1], -direction[0]]) * side
    length = min(garment.sleeve, UPPER_ARM + FOREARM - 0.05)
    width = garment.sleeve_width * (0.92 - 0.4 * min(length / 1.6, 1))
    end = shoulder + direction * length
    middle = shoulder + direction * max(0.5 * length, 0.28)
    cap = [(side * 0.38, -0.075), (side * 0.5, -0.05), (side * 0.59, 0.02)]
    outer = [middle + outward * (0.3 * width + 0.7 * garment.sleeve_width * 0.8), end + outward * width]
    inner = [end - outward * width, (side * 0.45, 0.43), (side * 0.36, 0.2)]
    return np.asarray([*cap, *outer, *inner], np.float32)


def print_picture(garment: Garment, shape: tuple[int, int], unit: float, origin: Array) -> Array:
    """Draw the cloth with its print over the whole canvas, float32 (H, W, 3), RGB 0..255."""
    rng = np.random.default_rng(garment.seed)
    grid = (body.pixel_grid(*shape) - origin) / unit
    x, y = grid[..., 0], grid[..., 1]
    canvas = np.empty((*shape, 3), np.float32)
    canvas[:] = garment.colour
    period = 0.16 * garment.print_scale
    soft = 1.5 / (unit * period)

    def ramp(phase: Array, share: float = 0.5) -> Array:
        """Return 1 in the middle `share` of each period and 0 elsewhere, with edges about a pixel wide."""
        return np.clip((share / 2 - np.abs(phase % 1 - 0.5)) / soft + 0.5, 0, 1)

    if garment.print == "stripes":
        drawing.paint(canvas, ramp(y / period, 0.42), garment.accent)
    elif garment.print == "bars":
        drawing.paint(canvas, ramp(x / period + 0.25, 0.3), garment.accent)
    elif garment.print == "check":
        drawing.paint(canvas, 0.55 * ramp(x / (1.6 * period)), garment.accent)
        drawing.paint(canvas, 0.55 * ramp(y / (1.6 * period)), garment.accent)
    elif garment.print == "dots":
        row = np.floor(y / period)
        distance = np.hypot((x / period + 0.5 * (row % 2)) % 1 - 0.5, (y / period) % 1 - 0.5)
        drawing.paint(canvas, np.clip((0.27 - distance) / soft + 0.5, 0, 1), garment.accent)
    elif garment.print == "blocks":
        edge = rng.uniform(0.35, 0.9)
        drawing.paint(canvas, np.clip((y - edge) * unit + 0.5, 0, 1), garment.accent)
    elif garment.print == "leaves":
        for _ in range(90):
            centre = origin + unit * rng.uniform([-0.9, -0.2], [0.9, 1.9])
            size = unit * rng.uniform(0.03, 0.075) * garment.print_scale
            shade = np.clip(np.asarray(garment.accent) + rng.uniform(-45, 45, 3), 0, 255)
            outline = drawing.ellipse(centre, size, size * rng.uniform(0.3, 0.6), rng.uniform(0, 180))
            drawing.paint(canvas, drawing.fill(shape, outline), shade)
    elif garment.print == "text":
        word = WORDS[int(rng.integers(len(WORDS)))]
        scale, thickness = unit / 40, max(round(unit / 16), 1)
        (width, height), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, scale, thickness)
        scale *= 0.68 * unit / width
        (width, height), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, scale, thickness)
        mask = np.zeros(shape, np.uint8)
        place = (round(origin[0] - width / 2), round(origin[1] + unit * 0.62 + height / 2))
        cv2.putText(mask, word, place, cv2.FONT_HERSHEY_DUPLEX, scale, 255, thickness, cv2.LINE_AA)
        drawing.paint(canvas, mask.astype(np.float32) / 255, garment.accent)
        for offset in (0.46, 0.78):
            line = origin + unit * np.array([[-0.3, offset], [0.3, offset]])
            drawing.paint(canvas, drawing.stroke(shape, line, unit / 45), garment.accent)
    elif garment.print == "badge":
        centre = origin + unit * np.array([0.0, 0.62])
        size = 0.24 * unit * garment.print_scale
        drawing.paint(canvas, drawing.fill(shape, drawing.ellipse(centre, size, size)), garment.accent)
        drawing.paint(canvas, drawing.fill(shape, drawing.ellipse(centre, size * 0.82, size * 0.82)), garment.colour)
        corners = int(rng.integers(3, 7))
        angles = np.linspace(0, 2 * np.pi, 2 * corners, endpoint=False) - np.pi / 2
        radius = size * np.where(np.arange(2 * corners) % 2, 0.3, 0.72)
        star = centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None]
        drawing.paint(canvas, drawing.fill(shape, star), garment.accent)
    return canvas


def lay_out(garment: Garment, height: int, width: int) -> Flat:
    """Draw the garment flat and centred on white, filling the picture like a product shot."""
    points = flat_joints(garment.sleeve)
    outlines = [torso_outline(garment)]
    arms = (body.RIGHT_ARM, body.LEFT_ARM)
    if garment.sleeve:
        outlines += [sleeve_outline(garment, points, part) for part in arms]
    extent = np.concatenate(outlines)
    low, high = extent.min(axis=0), extent.max(axis=0)
    unit = float(min(np.array([width, height]) * 0.9 / (high - low)))
    origin = np.array([width, height], np.float32) / 2 - unit * (low + high) / 2
    shape = (height, width)
    torso = drawing.fill(shape, origin + unit * drawing.smooth(outlines[0], 2))
    empty = np.zeros(shape, np.float32)
    sleeves = [drawing.fill(shape, origin + unit * drawing.smooth(o, 1)) for o in outlines[1:]] or [empty, empty]

    cloth = print_picture(garment, shape, unit, origin)
    inner_back = drawing.fill(shape, origin + unit * neck_opening(garment))
    trim = garment.colour if garment.seed % 3 else garment.accent
    ribs = np.clip(drawing.fill(shape, origin + unit * drawing.smooth(neck_opening(garment, 0.045), 1)), 0, 1)
    drawing.paint(cloth, ribs, np.asarray(trim) * 0.93)
    mask = np.maximum.reduce([torso, *sleeves, inner_back])

    rng = np.random.default_rng(garment.seed + 1)
    shade = drawing.rim_shade(mask, 0.16 * unit, 0.16)
    shade *= 1 + 0.035 * drawing.noise(shape, 0.25 * unit, rng, 2.5)
    picture = np.full((*shape, 3), 255, np.float32)
    soft_shadow = 0.10 * drawing.blur(np.roll(mask, round(0.02 * unit), axis=0), 0.03 * unit)
    drawing.paint(picture, soft_shadow, (120, 120, 125))
    drawing.paint(picture, inner_back, np.asarray(garment.colour) * 0.66 * shade[..., None])
    for sleeve in sleeves:
        seam = 0.18 * drawing.blur(np.clip(torso - sleeve, 0, 1), 0.012 * unit) * sleeve
        drawing.paint(picture, sleeve, cloth * (shade * (1 - seam))[..., None])
    drawing.paint(picture, torso, cloth * shade[..., None])
    for sleeve in sleeves:
        edge = np.abs(drawing.blur(sleeve, 0.008 * unit) - 0.5) < 0.28
        picture *= (1 - 0.14 * (edge * torso))[..., None]
    return Flat(picture, cloth, (torso, sleeves[0], sleeves[1]), mask, Skeleton(origin + unit * points))


def shop_picture(flat: Flat) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the product shot, uint8 (H, W, 3), and its garment mask, uint8 (H, W) of 0 and 255."""
    return np.clip(flat.picture, 0, 255).astype(np.uint8), np.where(flat.mask > 0.5, 255, 0).astype(np.uint8)
