"""Draw what a parser found: coloured labels over the photo, key points, frame and a legend."""

import colorsys

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fitroom.arrays import Picture
from fitroom.body import FOUND, LABEL_COUNT, Label
from fitroom.photo.parse import Parse

SHARE = 0.6  # opacity of a label's colour over the photo
BONES = (
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (1, 5),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (0, 14),
    (0, 15),
    (14, 16),
    (15, 17),
)
LINE, FRAME = (255, 255, 255), (255, 220, 0)
LEGEND_HEIGHT = 720  # height of a photo, in pixels, at which the legend's font size is 18


def label_colours() -> NDArray[np.uint8]:
    """Return a colour for every label, uint8 (LABEL_COUNT, 3). Neighbours differ clearly; the background is black."""
    # steps of the golden ratio spread any number of hues
    hues = [(0.13 + 0.618034 * value) % 1 for value in range(LABEL_COUNT)]
    colours = [colorsys.hsv_to_rgb(hue, 0.55 + 0.4 * (value % 2), 0.95) for value, hue in enumerate(hues)]
    made = np.rint(255 * np.array(colours)).astype(np.uint8)
    made[Label.BACKGROUND] = 0
    return made


def draw_parse(photo: Picture, parse: Parse) -> Picture:
    """Draw labels, joints and frame over a photo (H, W, 3), with a legend on its right. Return uint8 (H, W', 3)."""
    colours = label_colours()
    shown = parse.labels > 0
    drawn = photo.copy()
    drawn[shown] = ((1 - SHARE) * photo[shown] + SHARE * colours[parse.labels[shown]]).astype(np.uint8)
    thick = max(round(max(photo.shape[:2]) / 400), 1)
    points = parse.key_points
    places = np.rint(points[:, :2]).astype(int)
    for first, second in BONES:
        if min(points[first, 2], points[second, 2]) >= FOUND:
            cv2.line(drawn, places[first].tolist(), places[second].tolist(), LINE, thick, cv2.LINE_AA)
    if parse.frame is not None:
        frame = parse.frame
        corner = frame.left + frame.width - 1, frame.top + frame.height - 1
        cv2.rectangle(drawn, (frame.left, frame.top), corner, FRAME, thick)
    return np.concatenate([drawn, legend(parse.labels, photo.shape[0])], axis=1)


def legend(labels: Picture, height: int) -> Picture:
    """Draw a legend, uint8 (height, w, 3), of the labels that occur in `labels` (H, W)."""
    found = [Label(int(value)) for value in np.unique(labels) if value]
    scale = height / LEGEND_HEIGHT
    size = max(round(18 * scale), 8)
    picture = Image.new("RGB", (10 * size, height), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for row, label in enumerate(found):
        top = size // 2 + round(1.5 * row * size)
        colour = tuple(int(value) for value in label_colours()[label])
        draw.rectangle((size // 2, top, size // 2 + size, top + size), fill=colour)
        draw.text((2 * size, top), label.name.lower().replace("_", " "), fill="black", font=font)
    return np.asarray(picture, np.uint8)
