"""What swap-back loses is found where it was lost."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from fitroom.body import Label
from fitroom.data.synthetic import write_dataset
from fitroom.errors import DataError
from fitroom.evaluate.dissimilarity import measure_dissimilarity, regions, with_fabric
from fitroom.evaluate.metrics import similarity_map, structural_similarity
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.systems import Worn, open_system


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    root = write_dataset(tmp_path_factory.mktemp("dissimilarity") / "figures", 4, seed=5)
    return make_plan(root, root / "unpaired_pairs.txt", root / "train_pairs.txt")


class Smear:
    """Leaves persons as they are, but for one place."""

    def __init__(self, plan, place):
        self.places = {}
        for person in plan.own:
            subject = plan.subject(person)
            self.places[subject.photo.tobytes()] = regions(subject.label)[place]

    def dress(self, photo, garment, key_points):
        where = self.places.get(photo.tobytes())
        # what was smeared comes here again, and stays
        return Worn(photo if where is None else np.where(where[..., None], cv2.blur(photo, (15, 15)), photo))


def test_nothing_is_lost_by_doing_nothing(plan):
    found = measure_dissimilarity(open_system(baseline="copy"), plan)
    assert found.looks == 4
    assert found.ssim == found.shades_2 == 1
    lost = found.lost_fabric, found.lost_outline, found.lost_arms, found.lost_elsewhere
    assert lost == pytest.approx((0, 0, 0, 0), abs=1e-4)


@pytest.mark.parametrize("place", ["fabric", "outline", "elsewhere"])
def test_most_is_lost_where_a_picture_was_smeared(plan, place):
    found = measure_dissimilarity(Smear(plan, place), plan)
    lost = {name: getattr(found, f"lost_{name}") for name in ("fabric", "outline", "arms", "elsewhere")}
    assert max(lost, key=lost.get) == place
    assert sum(lost.values()) + found.ssim == pytest.approx(1, abs=1e-4)


def test_a_look_gains_by_all_that_is_known_of_its_fabric():
    """A print in other shades: the broad ones first, and in the photo's own only the finest is missing."""
    rng = np.random.default_rng(0)
    photo = cv2.GaussianBlur(rng.integers(0, 256, (64, 48, 3), np.uint8), (0, 0), 3)
    photo = cv2.normalize(photo, None, 0, 255, cv2.NORM_MINMAX)
    back, fabric = 255 - photo, np.zeros((64, 48), bool)
    fabric[16:48, 12:36] = True
    made = {name: structural_similarity(picture, photo) for name, picture in with_fabric(back, photo, fabric).items()}
    assert structural_similarity(back, photo) < made["shades_8"] < made["shades_4"] < made["shades_2"]
    assert made["shades_2"] < made["photo_2"] < 1
    for picture in with_fabric(back, photo, fabric).values():
        assert np.array_equal(picture[~fabric], back[~fabric])


def test_regions_part_a_picture():
    label = np.zeros((40, 30), np.uint8)
    label[10:, 5:20], label[10:30, 20:29] = Label.UPPER_CLOTHES, Label.LEFT_ARM
    found = regions(label)
    assert np.array_equal(sum(place.astype(int) for place in found.values()), np.ones((40, 30), int))
    assert found["fabric"][14:, 9:16].all()
    assert found["fabric"].sum() == 26 * 7, "to the lower edge, where the garment goes on"
    assert found["outline"][6:14, 5:20].all()
    assert found["arms"][10:30, 24:29].all()


def test_the_map_has_the_mean_of_ssim(plan):
    photos = [plan.subject(person).photo for person in sorted(plan.own)[:2]]
    assert similarity_map(*photos).mean() == pytest.approx(structural_similarity(*photos), abs=1e-5)


def test_own_garments_have_to_be_known(plan):
    with pytest.raises(DataError, match="own garment is unknown"):
        measure_dissimilarity(open_system(baseline="copy"), replace(plan, own={}))


def test_labels_have_to_be_there(plan, monkeypatch):
    monkeypatch.setattr(plan.reader, "labels", False)
    with pytest.raises(DataError, match="no parsing label"):
        measure_dissimilarity(open_system(baseline="copy"), plan)
