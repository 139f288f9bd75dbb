"""Make cut-and-paste fakes: a photographed person in another person's garment, without any network.

A student learns to restore the photo from such a picture and the garment that was removed. The garment of another
photo is cut out by its parsing, moved part by part with the bones (`data.limbs`) and pasted over the person. The
person's own garment is erased first: skin is painted along the arms and the neck, the trousers are continued upwards
and the background inwards. Hair, face and hands stay in front.

Most fakes take the bare arms from the garment's photo too, in the colour of the person's skin. If bare arms were
always painted where the photo has sleeves, and always the photo's own where it has none, a student could tell from the
arms what to restore, and would never put sleeves on real arms. Some garments are made shorter or longer, so that the
student learns to invent what a longer old garment hid at the hem.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom import arrays, body
from fitroom.body import BELOW_HEM, Label, Skeleton
from fitroom.data import limbs
from fitroom.photo.foreground import hands
from fitroom.photo.masks import nearest_known

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

DONORS_ARMS = 0.75  # share of fakes with the donor's arms
OTHER_LENGTH = 0.5  # share of fakes whose garment is made shorter or longer below the chest
LENGTHS = (0.7, 1.5)


@dataclass(frozen=True)
class Subject:
    """A person of the data set: image (H, W, 3) RGB, parsing label (H, W), skeleton."""

    image: Image
    label: Image
    skeleton: Skeleton


def pose_distance(a: Skeleton, b: Skeleton) -> float:
    """Return the mean distance of arm joints and hips, in shoulder widths, after aligning the means of the joints."""
    joints = [*body.ARM_JOINTS[body.RIGHT_ARM], *body.ARM_JOINTS[body.LEFT_ARM], body.RIGHT_HIP, body.LEFT_HIP]
    placed = [(s.points[joints] - s.points[joints].mean(axis=0)) / s.shoulder_width for s in (a, b)]
    return float(np.linalg.norm(placed[0] - placed[1], axis=-1).mean())


def fill_from(image: Image, known: NDArray[np.bool_], hole: NDArray[np.bool_]) -> None:
    """Paint `hole` with the nearest `known` pixels, in place. Blur them to soften the seams between them."""
    if not known.any() or not hole.any():
        return
    soft = cv2.blur(nearest_known(image, known), (9, 9))
    image[hole] = soft[hole]


def skin_colour(subject: Subject) -> NDArray[np.float32]:
    """Return the median colour of the arms, or of the face if no arm shows, or a default, float32 (3,)."""
    for labels in ((Label.LEFT_ARM, Label.RIGHT_ARM), (Label.FACE,)):
        pixels = subject.image[np.isin(subject.label, labels)]
        if len(pixels) > 60:
            return np.asarray(np.median(pixels, axis=0), np.float32)
    return np.array([205, 165, 145], np.float32)


def undress(subject: Subject, kept: Mask, rng: np.random.Generator) -> Image:
    """Return the picture with garment and arms replaced by painted skin, trousers and background.

    Pixels in `kept` (H, W) stay as they are.
    """
    image = subject.image.copy()
    label, points, unit = subject.label, subject.skeleton.points, subject.skeleton.shoulder_width
    height, width = label.shape
    removed = np.isin(label, (Label.UPPER_CLOTHES, Label.NOISE, Label.LEFT_ARM, Label.RIGHT_ARM)) & ~kept
    erased = (cv2.dilate(removed.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~kept

    hips_y = (points[body.RIGHT_HIP, 1] + points[body.LEFT_HIP, 1]) / 2
    grid = body.pixel_grid(height, width)

    background = (label == Label.BACKGROUND) & ~erased
    distance_to_body = cv2.distanceTransform((~(label > 0)).astype(np.uint8), cv2.DIST_L2, 3)
    fill_from(image, background & (distance_to_body > 3), erased)

    # paint trunk and arms of the body under the garment
    trunk = np.zeros((height, width), np.uint8)
    outline = points[[body.RIGHT_SHOULDER, body.LEFT_SHOULDER, body.LEFT_HIP, body.RIGHT_HIP]].copy()
    centre = outline.mean(axis=0)
    outline = centre + (outline - centre) * np.array([1.12, 1.0], np.float32)
    cv2.fillPoly(trunk, [outline.astype(np.int32)], 1)
    neck = points[body.NECK] if points[body.NECK].any() else outline[:2].mean(axis=0)
    cv2.circle(trunk, (int(neck[0]), int(neck[1] - 0.05 * unit)), max(int(0.22 * unit), 1), 1, -1)
    skin = skin_colour(subject)
    light = 1 + rng.uniform(-0.06, 0.06)
    shade = np.ones((height, width), np.float32)
    shape = trunk > 0
    for shoulder, elbow, wrist in body.ARM_JOINTS.values():
        for start, end, radius in ((shoulder, elbow, 0.13), (elbow, wrist, 0.1)):
            top = points[start] + (0.1 if start == shoulder else 0) * (points[end] - points[start])
            distance = body.distance_to_bone(grid, top, points[end]) / (radius * unit)
            inside = distance < 1
            shade[inside] = np.minimum(shade[inside], (1.04 - 0.13 * distance**2)[inside])
            shape |= inside
    painted = np.clip(skin * (shade * light)[..., None], 0, 255)
    image[erased & shape] = painted[erased & shape]

    lower = np.isin(label, BELOW_HEM)
    hips_x = np.sort(points[[body.RIGHT_HIP, body.LEFT_HIP], 0])
    between = (grid[..., 0] > hips_x[0] - 0.22 * unit) & (grid[..., 0] < hips_x[1] + 0.22 * unit)
    below = erased & between & (grid[..., 1] > hips_y - 0.3 * unit)
    # labels extend a few pixels over the hem, so only the inside of the trousers is certain
    sure = cv2.erode(lower.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    fill_from(image, sure, below)
    return image


def uncovered(donor: Subject) -> tuple[Image, NDArray[np.uint8]]:
    """Continue the donor's garment under the hair and arms in front of it. Return the picture and a mask of 0 and 1."""
    garment = (donor.label == Label.UPPER_CLOTHES).astype(np.uint8)
    points = donor.skeleton.points[[body.RIGHT_SHOULDER, body.LEFT_SHOULDER, body.LEFT_HIP, body.RIGHT_HIP]]
    trunk = np.zeros_like(garment)
    cv2.fillPoly(trunk, [points.astype(np.int32)], 1)
    hidden = np.isin(donor.label, (Label.HAIR, Label.LEFT_ARM, Label.RIGHT_ARM)) & (trunk > 0)
    eroded = cv2.erode(garment, np.ones((3, 3), np.uint8))
    image = donor.image.copy()
    fill_from(image, eroded > 0, hidden)
    return image, np.asarray(eroded | hidden.astype(np.uint8), np.uint8)


def cut_part(skeleton: Skeleton, garment: NDArray[np.uint8], part: int) -> NDArray[np.uint8]:
    """Return the mask (H, W), 0 or 255, of the garment pixels of one part, extended a little beyond its seam."""
    nearest = limbs.nearest_part(skeleton, *garment.shape) == part
    overlap = cv2.dilate(nearest.astype(np.uint8), np.ones((9, 9), np.uint8))
    return np.asarray(garment * overlap * 255, np.uint8)


def recolour(pixels: Image, rng: np.random.Generator) -> Image:
    """Recolour a garment: permute the channels, then mix in a tint of the same lightness."""
    permuted = pixels[..., rng.permutation(3)].astype(np.float32)
    lightness = pixels.max(axis=-1, keepdims=True).astype(np.float32) / 255
    tint = rng.uniform(20, 255, 3)
    share = rng.uniform(0.2, 0.9)
    return np.asarray(permuted * (1 - share) + lightness * tint * share, np.uint8)


def around_arm(skeleton: Skeleton, part: int, height: int, width: int) -> arrays.Array:
    """Return the distance (H, W) from an arm's bones, in shoulder widths."""
    grid = body.pixel_grid(height, width)
    shoulder, elbow, wrist = (skeleton.points[joint] for joint in body.ARM_JOINTS[part])
    bones = body.distance_to_bone(grid, shoulder, elbow), body.distance_to_bone(grid, elbow, wrist)
    return np.asarray(np.minimum(*bones) / skeleton.shoulder_width)


def in_skin_of(subject: Subject, donor: Subject) -> Image:
    """Scale the donor's colours so that its skin matches the subject's. Only skin pixels of the result are useful."""
    gain = np.clip(skin_colour(subject) / np.maximum(skin_colour(donor), 1), 0.5, 2)
    return np.asarray(np.clip(donor.image * gain, 0, 255), np.uint8)


def paste_garment(subject: Subject, donor: Subject, rng: np.random.Generator) -> Image:
    """Dress the subject in the donor's garment, uint8 (H, W, 3) RGB. Both pictures must have the same size."""
    height, width = subject.label.shape
    front = np.isin(subject.label, (Label.HAIR, Label.FACE)) | hands(subject.label, subject.skeleton)
    own_arms = np.isin(subject.label, (Label.LEFT_ARM, Label.RIGHT_ARM))
    donors_arms = rng.random() < DONORS_ARMS
    kept = front if donors_arms else front | own_arms
    picture = undress(subject, kept, rng).astype(np.float32)
    worn, garment = uncovered(donor)
    if rng.random() < 0.35:
        worn = recolour(worn, rng)
    length = float(np.exp(rng.uniform(*np.log(LENGTHS)))) if rng.random() < OTHER_LENGTH else 1.0
    layers = [(worn, garment)]
    if donors_arms:
        arms = np.isin(donor.label, (Label.LEFT_ARM, Label.RIGHT_ARM)) & ~hands(donor.label, donor.skeleton)
        layers.insert(0, (in_skin_of(subject, donor), arms.astype(np.uint8)))
    nearest = limbs.nearest_part(subject.skeleton, height, width)
    for part in (body.TORSO, body.RIGHT_ARM, body.LEFT_ARM):
        where = limbs.part_map(part, subject.skeleton, donor.skeleton, height, width, length)
        for source, mask in layers:
            cut = cv2.remap(cut_part(donor.skeleton, mask, part), where, None, cv2.INTER_LINEAR)
            colours = cv2.remap(source, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            alpha = cv2.GaussianBlur(cut, (3, 3), 0).astype(np.float32) / 255
            if part != body.TORSO:
                # far from the arm, a map that bends at the elbow shows unrelated pixels
                alpha[around_arm(subject.skeleton, part, height, width) > 0.5] = 0
            elif not donors_arms:
                alpha[own_arms & (nearest != body.TORSO)] = 0
            picture += (colours - picture) * alpha[..., None]
    soft = cv2.GaussianBlur(front.astype(np.float32), (3, 3), 0)[..., None]
    picture += (subject.image - picture) * soft
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
