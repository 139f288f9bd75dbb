"""Measure looks of scenes: validation persons at another size and place, in front of other backgrounds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fitroom.arrays import Array, Picture
from fitroom.body import Label
from fitroom.data.scenes import SceneConfig, compose_scenes, draw_scenes
from fitroom.data.viton import Pair
from fitroom.errors import DataError, PersonError
from fitroom.evaluate.evaluate import Case, means, rank, read_gallery
from fitroom.evaluate.metrics import mask_iou, worn_appearance
from fitroom.evaluate.plan import Plan, Progress
from fitroom.photo import frames
from fitroom.tryon import TryOn

# scale of photos before persons are made smaller: users' photos have more pixels than the network's input
ENLARGED = 3
TOGETHER = 12  # scenes per batch; their backgrounds may show each other's garments
ELSEWHERE = replace(SceneConfig(), flip=0.0, larger=0.0, turn=0.0, background=1.0, light=0.0, tint=0.0, blur=0.0)


@dataclass(frozen=True)
class Scene:
    """A person in a scene: photo (H, W, 3), label (H, W) and key points (18, 3) in pixels of the photo."""

    photo: Picture
    label: Picture
    key_points: Array


def scenes_of(plan: Plan, pairs: list[Pair], config: SceneConfig, seed: int = 0) -> Iterator[Scene]:
    """Yield a scene for the person of each pair; the same seed gives the same scenes.

    Raises DataError if the data has no labels or poses.
    """
    for start in range(0, len(pairs), TOGETHER):
        part = pairs[start : start + TOGETHER]
        subjects = [plan.subject(pair.person) for pair in part]
        if any(subject.label is None or subject.key_points is None for subject in subjects):
            raise DataError(f"{plan.reader.name}: scenes need labels and poses; the test layout has none.")
        height, width = plan.height * ENLARGED, plan.width * ENLARGED
        photos = torch.stack([enlarged(s.photo, cv2.INTER_CUBIC) for s in subjects]).permute(0, 3, 1, 2)
        shots = torch.stack([resized(plan.garment(p.garment), height, width) for p in part]).permute(0, 3, 1, 2)
        labels = torch.stack([enlarged(np.asarray(s.label), cv2.INTER_NEAREST) for s in subjects])
        points = torch.from_numpy(np.stack([np.asarray(s.key_points) for s in subjects])).float()
        points[..., :2] = (points[..., :2] + 0.5) * ENLARGED - 0.5
        drawn = draw_scenes(config, len(part), torch.Generator().manual_seed(seed * 1_000_003 + start), width / height)
        made, label, moved = compose_scenes(drawn, photos / 127.5 - 1, labels, points, shots / 127.5 - 1)
        pictures = ((made.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        for row in range(len(part)):
            yield Scene(np.ascontiguousarray(pictures[row]), label[row].numpy(), moved[row].numpy())


def resized(picture: Picture, height: int, width: int, how: int = cv2.INTER_LINEAR) -> torch.Tensor:
    """Resize a picture (H, W, ...)."""
    return torch.from_numpy(cv2.resize(picture, (width, height), interpolation=how))


def enlarged(picture: Picture, how: int) -> torch.Tensor:
    """Scale a picture (H, W, ...) by ENLARGED."""
    return resized(picture, picture.shape[0] * ENLARGED, picture.shape[1] * ENLARGED, how)


def measure_scenes(
    tryon: TryOn,
    plan: Plan,
    config: SceneConfig,
    seed: int = 0,
    progress: Progress = lambda items, description: items,
) -> dict[str, float]:
    """Measure a plan's pairs in scenes; see `measures.py`. `refused` is the share of refused persons, 0 to 1.

    A refused person counts with a warp IoU of 0, and with the unchanged photo as the look. Raises DataError.
    """
    if plan.paired is None:
        raise DataError("scenes are measured on paired and unpaired pairs; give both lists.")
    unpaired, paired = plan.unpaired.pairs, plan.paired.pairs
    cases: list[Case] = []
    worn: list[NDArray[np.float32] | None] = []
    refused = 0
    for pair, scene in zip(progress(unpaired, "dressing"), scenes_of(plan, unpaired, config, seed), strict=True):
        try:
            look = tryon(scene.photo, plan.garment(pair.garment)).image
        except PersonError:
            look, refused = scene.photo, refused + 1
        cases.append({"person": pair.person, "garment": pair.garment})
        worn.append(worn_appearance(look, scene.key_points))
    rank(cases, "retrieval_rank", worn, read_gallery(plan, progress), [pair.garment for pair in unpaired])
    warps: list[Case] = []
    for pair, scene in zip(progress(paired, "dressing, paired"), scenes_of(plan, paired, config, seed), strict=True):
        try:
            iou = warp_iou(tryon, scene, plan.garment(pair.garment))
        except PersonError:
            iou = 0.0
        warps.append({"person": pair.person, "garment": pair.garment, "warp_iou": iou})
    return means(cases, warps) | {"refused": refused / max(len(unpaired), 1)}


def warp_iou(tryon: TryOn, scene: Scene, garment: Picture) -> float:
    """Compute the IoU of the warped garment and the same garment in a scene, at the network's size.

    Raises PersonError.
    """
    person = tryon.person(scene.photo)
    look = person.wear(garment, size="model")
    framed = frames.cut((scene.label == Label.UPPER_CLOTHES).astype(np.uint8) * 255, person.encoded.framed.frame, 0)
    return mask_iou(look.warped_mask > 0.5, frames.shrink(framed, *look.warped_mask.shape) > 127)
