"""Draw the pictures that ship in src/fitroom/samples: run from the project's root."""

from pathlib import Path

import cv2

from fitroom.data.figure import photograph
from fitroom.data.garment_art import lay_out, shop_picture
from fitroom.data.synthetic import random_outfit

SEED = 2000
PERSONS = (5, 3, 9)
GARMENTS = (100, 109, 115, 118)
HEIGHT, WIDTH = 768, 576
FOLDER = Path("src/fitroom/samples")


def write(name: str, picture) -> None:
    cv2.imwrite(str(FOLDER / name), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])


if __name__ == "__main__":
    for number, index in enumerate(PERSONS, 1):
        figure, garment = random_outfit(SEED, index)
        write(f"person-{number}.jpg", photograph(figure, lay_out(garment, HEIGHT, WIDTH), HEIGHT, WIDTH).image)
    for number, index in enumerate(GARMENTS, 1):
        write(f"garment-{number}.jpg", shop_picture(lay_out(random_outfit(SEED, index)[1], HEIGHT, WIDTH))[0])
