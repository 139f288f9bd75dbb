"""Measuring weights on lists of pairs."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from fitroom.data.viton import GARMENT, Pair, open_layout, read_grey, read_pairs, read_pose, read_rgb
from fitroom.evaluate.metrics import changeable, mask_iou, mean_difference
from fitroom.tryon import TryOn

Progress = Callable[[list[Pair]], Iterable[Pair]]

# a garment region that moves less than this, in 8-bit steps on average, counts as unchanged
CHANGED = 5.0


def evaluate(
    tryon: TryOn,
    data: str | Path,
    pairs: str | Path,
    paired: str | Path | None = None,
    progress: Progress = iter,  # type: ignore[assignment]
) -> dict[str, float]:
    """Measure looks of unpaired `pairs`, and the warp on `paired` ones, on a VITON training layout.

    changed_share: share of looks whose garment region (label 4 of the photo) changed, 0 to 1, higher is better.
    outside_change: mean absolute difference outside garments, arms and neck, 0 to 255, lower is better.
    warp_iou: IoU of the warped garment mask with label 4, paired, 0 to 1, higher is better.
    Raises DataError where a file is missing or broken.
    """
    layout = open_layout(data)
    unpaired_list = read_pairs(pairs)
    paired_list = read_pairs(paired) if paired is not None else []
    changed, outside, overlap = [], [], []
    for pair in progress(unpaired_list):
        photo = read_rgb(layout.person_path(pair.person))
        label = read_grey(layout.label_path(pair.person))
        pose = read_pose(layout.pose_path(pair.person))
        look = tryon(photo, read_rgb(layout.garment_path(pair.garment)))
        changed.append(mean_difference(look.image, photo, label == GARMENT) > CHANGED)
        outside.append(mean_difference(look.image, photo, ~changeable(label, pose, look.warped_mask > 0.5)))
    for pair in progress(paired_list):
        photo = read_rgb(layout.person_path(pair.person))
        label = read_grey(layout.label_path(pair.person))
        look = tryon(photo, read_rgb(layout.garment_path(pair.garment)))
        overlap.append(mask_iou(look.warped_mask > 0.5, label == GARMENT))
    figures = {"looks": float(len(changed)), "changed_share": float(np.mean(changed))}
    figures["outside_change"] = float(np.mean(outside))
    if overlap:
        figures["warp_iou"] = float(np.mean(overlap))
    return figures
