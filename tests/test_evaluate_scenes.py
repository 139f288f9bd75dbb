"""Tests of evaluation on persons composed into random scenes."""

from dataclasses import replace

import numpy as np
import pytest

from fitroom.body import Label
from fitroom.data.scenes import STUDIO
from fitroom.errors import DataError, PersonError
from fitroom.evaluate.evaluate import evaluate
from fitroom.evaluate.plan import make_plan
from fitroom.evaluate.scenes import ELSEWHERE, ENLARGED, measure_scenes, scenes_of
from fitroom.evaluate.systems import FitroomSystem
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.tryon import TryOn


@pytest.fixture(scope="module")
def plan(figures):
    return make_plan(figures, figures / "unpaired_pairs.txt", figures / "train_pairs.txt").first(4)


@pytest.fixture(scope="module")
def tryon(small_weights):
    return TryOn(small_weights, OpenVinoRunner.from_weights(small_weights))


def test_studio_scenes_agree_with_evaluate(plan, tryon):
    found = measure_scenes(tryon, plan, STUDIO)
    expected = evaluate(FitroomSystem(tryon, "openvino"), plan).figures
    assert abs(found["warp_iou"] - expected["warp_iou"]) < 0.02
    assert found["retrieval_top5"] == expected["retrieval_top5"]
    assert found["refused"] == 0


def test_scenes_depend_on_the_seed_and_show_the_persons_smaller(plan):
    pairs = plan.unpaired.pairs
    first, again, other = (list(scenes_of(plan, pairs, ELSEWHERE, seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(a.photo, b.photo) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a.photo, b.photo) for a, b in zip(first, other, strict=True))
    for scene, pair in zip(first, pairs, strict=True):
        assert scene.photo.shape == (256 * ENLARGED, 192 * ENLARGED, 3)
        worn = (np.asarray(plan.subject(pair.person).label) == Label.UPPER_CLOTHES).mean()
        assert 0 < (scene.label == Label.UPPER_CLOTHES).mean() < worn


def test_refused_persons_count_with_a_warp_iou_of_zero(plan, small_weights):
    class Nobody(TryOn):
        def frame(self, photo, person_point=None):
            raise PersonError("no-person", "nobody")

    found = measure_scenes(Nobody(small_weights, OpenVinoRunner.from_weights(small_weights)), plan, ELSEWHERE)
    assert found["refused"] == 1
    assert found["warp_iou"] == 0


def test_measure_scenes_needs_both_lists(plan, tryon):
    with pytest.raises(DataError, match="both lists"):
        measure_scenes(tryon, replace(plan, paired=None), STUDIO)
