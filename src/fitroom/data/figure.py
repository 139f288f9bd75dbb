"""Draw persons: random specifications, and studio photos of a person in any drawn garment, with exact ground truth.

Lengths are in shoulder widths from the neck, with y down. `joints` converts them to pixels of a canvas.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.body import Label, Skeleton
from fitroom.data import drawing, limbs
from fitroom.data.drawing import Array
from fitroom.data.garment_art import Flat

SKINS = ((244, 212, 190), (232, 190, 160), (214, 164, 130), (178, 126, 94), (134, 90, 66), (96, 64, 50))
HAIRS = ((38, 28, 24), (74, 48, 34), (122, 80, 46), (190, 150, 92), (146, 62, 34), (120, 118, 116))
TROUSERS = ((52, 70, 104), (34, 36, 44), (104, 128, 160), (112, 104, 92), (82, 44, 48), (70, 82, 66))
BACKDROPS = ((236, 236, 238), (226, 224, 220), (216, 222, 228), (232, 222, 216))


@dataclass(frozen=True)
class Figure:
    """Specification of a drawn person. Angles are in degrees; an arm hangs down at 0, positive points outwards."""

    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    hair_style: str  # short, long, bun, curly
    trousers: tuple[int, int, int]
    backdrop: tuple[int, int, int]
    unit: float  # shoulder width as a share of the picture's width
    lean: float  # angle of the trunk
    turn: float  # sideways offset of the head, in shoulder widths
    shift: float  # offset of the body from the middle, as a share of the picture's width
    upper_arms: tuple[float, float]  # right, left
    elbows: tuple[float, float]  # right, left, from the upper arm; negative: forearm in front of the body
    waist: float  # half width of the body at the waist
    hips: float  # half width of the body at the hips
    seed: int  # seed of shading, folds and hair


@dataclass(frozen=True)
class Photo:
    """A drawn photo and its ground truth.

    `image` is RGB uint8 (H, W, 3), `label` the parsing label, uint8 (H, W). `key_points` are (18, 3), with zeros for
    ankles and joints outside the picture. `flow` (H, W, 2) is the appearance flow: the place in the flat garment
    picture, in [-1, 1], that each garment pixel shows. It is NaN outside the garment.
    """

    image: NDArray[np.uint8]
    label: NDArray[np.uint8]
    key_points: Array
    flow: Array


def random_figure(rng: np.random.Generator) -> Figure:
    """Return a random person."""

    def choice(colours: tuple[tuple[int, int, int], ...]) -> tuple[int, int, int]:
        return colours[int(rng.integers(len(colours)))]

    poses = ((9, 6), (14, -8), (26, -62), (20, -35), (7, 2), (32, -88))
    arms = [poses[i] for i in rng.choice(len(poses), 2, p=[0.28, 0.2, 0.14, 0.12, 0.2, 0.06])]
    jitter = rng.uniform(-4, 4, 4)
    waist = rng.uniform(0.36, 0.43)
    return Figure(
        skin=choice(SKINS),
        hair=choice(HAIRS),
        hair_style=str(rng.choice(["short", "long", "bun", "curly"])),
        trousers=choice(TROUSERS),
        backdrop=choice(BACKDROPS),
        unit=float(rng.uniform(0.4, 0.47)),
        lean=float(rng.uniform(-4, 4)),
        turn=float(rng.uniform(-0.05, 0.05)),
        shift=float(rng.uniform(-0.03, 0.03)),
        upper_arms=(float(arms[0][0] + jitter[0]), float(arms[1][0] + jitter[1])),
        elbows=(float(arms[0][1] + jitter[2]), float(arms[1][1] + jitter[3])),
        waist=float(waist),
        hips=float(waist + rng.uniform(0.04, 0.09)),
        seed=int(rng.integers(2**31)),
    )


def joints(figure: Figure, height: int, width: int) -> tuple[Array, float]:
    """Return COCO joints (18, 2) in pixels of a 3:4 canvas, and the shoulder width in pixels."""
    unit = figure.unit * width
    neck = np.array([width * (0.5 + figure.shift), height * 0.355])
    lean = np.deg2rad(figure.lean)
    along = np.array([-np.sin(lean), np.cos(lean)])
    across = np.array([along[1], -along[0]])
    points = np.zeros((18, 2))
    points[body.NECK] = neck
    head = neck - unit * 0.52 * along + np.array([figure.turn * unit, 0])
    points[body.NOSE] = head + unit * np.array([figure.turn, 0.07])
    for sign, eye, ear in ((-1, body.RIGHT_EYE, body.RIGHT_EAR), (1, body.LEFT_EYE, body.LEFT_EAR)):
        points[eye] = head + unit * np.array([sign * 0.1 + figure.turn, -0.03])
        points[ear] = head + unit * np.array([sign * 0.24, 0.0])
    sides = (
        (-1, body.ARM_JOINTS[body.RIGHT_ARM], body.RIGHT_HIP, body.RIGHT_KNEE),
        (1, body.ARM_JOINTS[body.LEFT_ARM], body.LEFT_HIP, body.LEFT_KNEE),
    )
    for index, (sign, (shoulder, elbow, wrist), hip, knee) in enumerate(sides):
        points[shoulder] = neck + unit * (sign * 0.5 * across + 0.04 * along)
        upper = np.deg2rad(figure.upper_arms[index])
        fore = upper + np.deg2rad(figure.elbows[index])
        points[elbow] = points[shoulder] + 0.8 * unit * np.array([sign * np.sin(upper), np.cos(upper)])
        points[wrist] = points[elbow] + 0.72 * unit * np.array([sign * np.sin(fore), np.cos(fore)])
        points[hip] = neck + unit * (sign * 0.34 * across + 1.45 * along)
        points[knee] = points[hip] + unit * np.array([sign * 0.03, 1.5])
    return points.astype(np.float32), unit


class Canvas:
    """A picture that is drawn from back to front, with its label and flow."""

    def __init__(self, height: int, width: int, figure: Figure) -> None:
        self.shape = (height, width)
        self.points, self.unit = joints(figure, height, width)
        self.figure = figure
        self.rng = np.random.default_rng(figure.seed)
        self.image = np.empty((height, width, 3), np.float32)
        self.label = np.zeros(self.shape, np.uint8)
        self.flow = np.full((height, width, 2), np.nan, np.float32)

    def place(self, x: float, y: float, anchor: int = body.NECK) -> Array:
        """Return the pixel position of a point given in shoulder widths from a joint, leaning with the trunk."""
        lean = np.deg2rad(self.figure.lean)
        turned = [x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)]
        return np.asarray(self.points[anchor] + self.unit * np.asarray(turned), np.float32)

    def outline(self, points: list[tuple[float, float]], rounds: int = 3) -> Array:
        """Return the mask of a smooth outline, given in shoulder widths from the neck."""
        return drawing.fill(self.shape, drawing.smooth([tuple(self.place(x, y)) for x, y in points], rounds))

    def add(self, mask: Array, colour: Array | tuple[int, ...], label: int) -> None:
        """Paint a colour through a mask, set the label there and clear the flow."""
        drawing.paint(self.image, mask, colour)
        self.label[mask > 0.5] = label
        self.flow[mask > 0.5] = np.nan

    def shaded(self, mask: Array, colour: tuple[int, int, int], reach: float, strength: float) -> Array:
        """Return a colour that darkens towards the edge of the mask, (H, W, 3)."""
        shade = drawing.rim_shade(mask, reach * self.unit, strength)
        return np.asarray(colour, np.float32) * drawing.blur(shade, 0.02 * self.unit)[..., None]


def draw_backdrop(canvas: Canvas) -> None:
    """Draw a studio backdrop that is darker towards the bottom and the sides, with the figure's soft shadow."""
    height, width = canvas.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 1.02 - 0.05 * (y / height) ** 2 - 0.05 * (x / width - 0.45) ** 2
    canvas.image[:] = np.asarray(canvas.figure.backdrop, np.float32) * light[..., None]
    shadow = drawing.fill(canvas.shape, drawing.ellipse(canvas.place(0.25, 0.9), canvas.unit * 0.7, canvas.unit * 1.6))
    drawing.paint(canvas.image, 0.10 * drawing.blur(shadow, 0.3 * canvas.unit), (90, 90, 100))


def draw_trunk(canvas: Canvas) -> None:
    """Draw the skin of trunk and neck (background in VITON's labels), then the trousers."""
    figure, unit = canvas.figure, canvas.unit
    sides = [(0.17, -0.36), (0.165, -0.16), (0.25, -0.06), (0.43, 0.03), (0.47, 0.14), (0.44, 0.45)]
    sides += [(figure.waist, 0.95), (figure.hips, 1.45)]
    trunk = canvas.outline([*sides, *[(-x, y) for x, y in reversed(sides)]], 2)
    canvas.add(trunk, canvas.shaded(trunk, figure.skin, 0.14, 0.22), Label.BACKGROUND)
    under_chin = canvas.outline([(-0.2, -0.34), (0.2, -0.34), (0.12, -0.1), (-0.12, -0.1)])
    drawing.paint(canvas.image, 0.32 * drawing.blur(under_chin, 0.05 * unit) * trunk, np.asarray(figure.skin) * 0.55)
    for sign in (-1, 1):
        ends = [canvas.place(sign * x, y) for x, y in ((0.05, 0.06), (0.34, 0.01))]
        bone = drawing.stroke(canvas.shape, ends, unit / 40)
        drawing.paint(canvas.image, 0.25 * drawing.blur(bone, 0.015 * unit), np.asarray(figure.skin) * 0.7)
    legs = [(figure.waist + 0.015, 1.08), (figure.hips + 0.03, 1.42), (figure.hips + 0.04, 1.8), (figure.hips, 3.2)]
    inseam = [(0.05, 3.2), (0.02, 1.98), (-0.02, 1.98), (-0.05, 3.2)]
    trousers = canvas.outline([*legs, *inseam, *[(-x, y) for x, y in reversed(legs)]], 1)
    cloth = canvas.shaded(trousers, figure.trousers, 0.16, 0.35)
    cloth = cloth * (1 + 0.05 * drawing.noise(canvas.shape, 0.05 * unit, canvas.rng, 3))[..., None]
    canvas.add(trousers, cloth, Label.LOWER_CLOTHES)
    fly = drawing.stroke(canvas.shape, [canvas.place(0, y) for y in (1.2, 1.98)], unit / 60)
    drawing.paint(canvas.image, 0.4 * fly, np.asarray(figure.trousers) * 0.6)


def draw_arm(canvas: Canvas, part: int) -> None:
    """Draw a bare arm with its hand."""
    figure, unit = canvas.figure, canvas.unit
    shoulder, elbow, wrist = (canvas.points[j] for j in body.ARM_JOINTS[part])
    top = shoulder + 0.17 * (elbow - shoulder)
    joints = np.stack([top, (shoulder + elbow) / 2, elbow, wrist])
    radii = [radius * unit for radius in (0.115, 0.105, 0.085, 0.06)]
    arm = drawing.fill(canvas.shape, drawing.smooth(drawing.limb(joints, radii), 2))
    direction = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    turn = float(np.rad2deg(np.arctan2(direction[1], direction[0])))
    palm = drawing.fill(canvas.shape, drawing.ellipse(wrist + direction * 0.12 * unit, 0.15 * unit, 0.075 * unit, turn))
    side = np.array([-direction[1], direction[0]]) * (1 if part == body.RIGHT_ARM else -1)
    thumb_ends = [wrist + direction * 0.06 * unit, wrist + (direction * 0.16 - side * 0.075) * unit]
    thumb = drawing.stroke(canvas.shape, thumb_ends, 0.05 * unit)
    mask = np.maximum.reduce([arm, palm, thumb])
    shadow = drawing.blur(np.roll(mask, round(0.03 * unit), axis=1), 0.05 * unit) * (
        canvas.label == Label.UPPER_CLOTHES
    )
    drawing.paint(canvas.image, 0.22 * shadow, (30, 26, 30))
    canvas.add(
        mask, canvas.shaded(mask, figure.skin, 0.1, 0.24), Label.RIGHT_ARM if part == body.RIGHT_ARM else Label.LEFT_ARM
    )


def folds(canvas: Canvas) -> Array:
    """Return the brightness factor (H, W) of folds in cloth: below the armpits, around the waist, and fine waves."""
    rng, unit = canvas.rng, canvas.unit
    relief = np.zeros(canvas.shape, np.float32)
    for _ in range(16):
        sign = rng.choice([-1, 1])
        if rng.random() < 0.5:
            start, end = (sign * 0.48, rng.uniform(0.25, 0.5)), (sign * rng.uniform(0.05, 0.25), rng.uniform(0.5, 1.1))
        else:
            y = rng.uniform(0.9, 1.6)
            start, end = (sign * 0.5, y), (sign * rng.uniform(0.0, 0.3), y + rng.uniform(-0.2, 0.25))
        line = drawing.stroke(canvas.shape, [canvas.place(*start), canvas.place(*end)], unit * rng.uniform(0.02, 0.05))
        line = drawing.blur(line, unit * rng.uniform(0.02, 0.05))
        relief += rng.uniform(-0.16, 0.12) * line
    relief += 0.05 * drawing.noise(canvas.shape, 0.22 * unit, rng, 2.0)
    return np.clip(1 + relief, 0.6, 1.25)


def wear(canvas: Canvas, flat: Flat, part: int, relief: Array) -> None:
    """Draw one part of a garment on the body, and set its exact flow and label."""
    height, width = canvas.shape
    skeleton = Skeleton(canvas.points)
    where = limbs.part_map(part, skeleton, flat.skeleton, height, width)
    mask = cv2.remap(flat.parts[part], where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    if part != body.TORSO:
        # far from the arm the blended map is meaningless and could show the sleeve a second time
        shoulder, elbow, wrist = (canvas.points[j] for j in body.ARM_JOINTS[part])
        pixels = body.pixel_grid(height, width)
        near = [body.distance_to_bone(pixels, *bone) for bone in ((shoulder, elbow), (elbow, wrist))]
        mask = mask * (np.minimum(*near) < 0.34 * canvas.unit)
    if mask.max() < 0.5:
        return
    colours = cv2.remap(flat.cloth, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shade = relief * drawing.blur(drawing.rim_shade(mask, 0.13 * canvas.unit, 0.3), 0.02 * canvas.unit)
    if part != body.TORSO:
        shadow = drawing.blur(np.roll(mask, round(0.025 * canvas.unit), axis=1), 0.05 * canvas.unit)
        drawing.paint(canvas.image, 0.2 * shadow * (canvas.label == Label.UPPER_CLOTHES), (26, 24, 28))
    canvas.add(mask, colours * shade[..., None], Label.UPPER_CLOTHES)
    flat_height, flat_width = flat.mask.shape
    grid = (2 * where + 1) / np.array([flat_width, flat_height], np.float32) - 1
    canvas.flow[mask > 0.5] = grid[mask > 0.5]


def draw_hair_behind(canvas: Canvas) -> None:
    """Draw the hair behind neck and shoulders."""
    figure, unit = canvas.figure, canvas.unit
    centre = (canvas.points[body.RIGHT_EAR] + canvas.points[body.LEFT_EAR]) / 2
    masks = []
    if figure.hair_style == "long":
        fall = [(-0.3, -0.75), (0.3, -0.75), (0.36, -0.3), (0.32, 0.2), (-0.32, 0.2), (-0.36, -0.3)]
        masks.append(canvas.outline(fall))
    elif figure.hair_style == "curly":
        for _ in range(26):
            angle, radius = canvas.rng.uniform(0, 2 * np.pi), canvas.rng.uniform(0.2, 0.36)
            offset = np.array([np.cos(angle) * 1.05, np.sin(angle) - 0.12]) * radius
            masks.append(drawing.fill(canvas.shape, drawing.ellipse(centre + offset * unit, 0.13 * unit, 0.13 * unit)))
    elif figure.hair_style == "bun":
        masks.append(drawing.fill(canvas.shape, drawing.ellipse(centre + [0, -0.43 * unit], 0.13 * unit, 0.12 * unit)))
    if masks:
        mask = np.maximum.reduce(masks)
        canvas.add(mask, hair_colour(canvas, mask) * 0.8, Label.HAIR)


def hair_colour(canvas: Canvas, mask: Array) -> Array:
    """Return the colour of hair with strands and a sheen, (H, W, 3)."""
    strands = 1 + 0.16 * drawing.noise(canvas.shape, 0.03 * canvas.unit, canvas.rng, 12)
    return np.asarray(canvas.shaded(mask, canvas.figure.hair, 0.14, 0.35) * strands[..., None] * 1.12, np.float32)


def draw_head(canvas: Canvas) -> None:
    """Draw the face, then the hair in front of it."""
    figure, unit, points = canvas.figure, canvas.unit, canvas.points
    skin = np.asarray(figure.skin, np.float32)
    centre = (points[body.RIGHT_EAR] + points[body.LEFT_EAR]) / 2
    for ear in (body.RIGHT_EAR, body.LEFT_EAR):
        mask = drawing.fill(canvas.shape, drawing.ellipse(points[ear], 0.045 * unit, 0.075 * unit))
        canvas.add(mask, tuple(skin * 0.9), Label.FACE)
    cheek_to_chin = [(0.235, -0.12), (0.23, 0.05), (0.17, 0.22), (0.07, 0.315)]
    jaw = [(-0.16, -0.3), *[(-x, y) for x, y in cheek_to_chin], *reversed(cheek_to_chin), (0.16, -0.3)]
    face = drawing.fill(canvas.shape, drawing.smooth(centre + unit * np.asarray(jaw), 3))
    canvas.add(face, canvas.shaded(face, figure.skin, 0.12, 0.16), Label.FACE)
    image, shape = canvas.image, canvas.shape
    middle = centre + [figure.turn * unit, 0]
    for sign in (-1, 1):
        apple = middle + unit * np.array([sign * 0.13, 0.11])
        cheek = drawing.fill(shape, drawing.ellipse(apple, 0.05 * unit, 0.04 * unit))
        drawing.paint(image, 0.25 * drawing.blur(cheek, 0.03 * unit), (226, 120, 110))
        eye = middle + unit * np.array([sign * 0.1, -0.03])
        drawing.paint(image, drawing.fill(shape, drawing.ellipse(eye, 0.046 * unit, 0.021 * unit)), (246, 243, 240))
        drawing.paint(image, drawing.fill(shape, drawing.ellipse(eye, 0.021 * unit, 0.022 * unit)), (58, 40, 32))
        glint = drawing.ellipse(eye + [0.006 * unit, -0.007 * unit], 0.006 * unit, 0.006 * unit)
        drawing.paint(image, drawing.fill(shape, glint), (255, 255, 255))
        lid = eye + unit * np.array([[-0.05, 0.0], [-0.02, -0.021], [0.02, -0.021], [0.05, 0.0]])
        drawing.paint(image, 0.85 * drawing.stroke(shape, lid, unit / 75), (40, 28, 26))
        brow = eye + unit * np.array([[-0.055, -0.062], [0.0, -0.078], [0.055, -0.062]])
        drawing.paint(image, 0.7 * drawing.stroke(shape, brow, unit / 55), np.asarray(figure.hair) * 0.75)
    nose = middle + unit * np.array([[0.012, -0.01], [0.024, 0.075], [0.0, 0.088], [-0.02, 0.08]])
    drawing.paint(image, 0.45 * drawing.blur(drawing.stroke(shape, nose, unit / 55), 0.008 * unit), skin * 0.62)
    lips = [(-0.07, 0.17), (-0.025, 0.153), (0, 0.16), (0.025, 0.153), (0.07, 0.17), (0.03, 0.2), (-0.03, 0.2)]
    mouth = drawing.fill(shape, drawing.smooth(middle + unit * np.asarray(lips), 2))
    drawing.paint(image, 0.85 * mouth, skin * 0.45 + np.array([90, 28, 34]))
    line = middle + unit * np.array([[-0.065, 0.171], [0, 0.175], [0.065, 0.171]])
    drawing.paint(image, 0.6 * drawing.stroke(shape, line, unit / 90), (96, 34, 36))

    crown = [(-0.26, 0.02), (-0.275, -0.2), (-0.17, -0.4), (0.0, -0.44), (0.17, -0.4), (0.275, -0.2), (0.26, 0.02)]
    cap = [*crown, (0.215, -0.12), (0.14, -0.22), (-0.05, -0.235), (-0.19, -0.15), (-0.215, -0.02)]
    mask = drawing.fill(shape, drawing.smooth(centre + unit * np.asarray(cap), 3))
    if figure.hair_style == "long":
        for sign in (-1, 1):
            lock = [(0.2, -0.25), (0.29, -0.1), (0.33, 0.3), (0.3, 0.78), (0.2, 0.74), (0.235, 0.3)]
            strand = np.asarray([(sign * x, y) for x, y in lock])
            mask = np.maximum(mask, drawing.fill(shape, drawing.smooth(centre + unit * strand, 3)))
    elif figure.hair_style == "curly":
        for angle in np.linspace(np.pi, 2 * np.pi, 9):
            offset = np.array([0.25 * np.cos(angle), 0.27 * np.sin(angle) - 0.07])
            lock_of_hair = drawing.ellipse(centre + offset * unit, 0.1 * unit, 0.1 * unit)
            mask = np.maximum(mask, drawing.fill(shape, lock_of_hair))
    canvas.add(mask, hair_colour(canvas, mask), Label.HAIR)


def photograph(figure: Figure, flat: Flat, height: int = 256, width: int = 192, oversample: int = 2) -> Photo:
    """Draw a figure wearing a garment, as a photo of height x width.

    The picture is drawn `oversample` times as large and scaled down.
    """
    canvas = Canvas(height * oversample, width * oversample, figure)
    draw_backdrop(canvas)
    draw_hair_behind(canvas)
    draw_trunk(canvas)
    relief = folds(canvas)
    arms = (body.RIGHT_ARM, body.LEFT_ARM)
    behind = [arm for arm, bend in zip(arms, figure.elbows, strict=True) if bend > -20]
    for arm in behind:
        draw_arm(canvas, arm)
    for part in (*behind, body.TORSO):
        wear(canvas, flat, part, relief)
    for arm in (arm for arm in arms if arm not in behind):
        draw_arm(canvas, arm)
        wear(canvas, flat, arm, relief)
    draw_head(canvas)
    image = np.clip(canvas.image, 0, 255).astype(np.uint8)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    middle = slice(oversample // 2, None, oversample)
    points = np.concatenate([(canvas.points + 0.5) / oversample - 0.5, np.ones((18, 1))], axis=1)
    outside = (points[:, 0] >= width) | (points[:, 1] >= height) | (points[:, :2] < 0).any(axis=1)
    points[outside | (np.arange(18) == 10) | (np.arange(18) == 13)] = 0
    label, flow = canvas.label[middle, middle], canvas.flow[middle, middle]
    return Photo(np.asarray(image, np.uint8), label, points.astype(np.float32), flow)
