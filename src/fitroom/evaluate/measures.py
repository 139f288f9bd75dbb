"""Titles, ranges and better directions of all measures of an evaluation, and the figures to read them with."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One figure of an evaluation."""

    key: str  # name in files
    title: str  # name on screen
    better: Literal["higher", "lower"]
    limits: str  # range and unit
    beside: str | None = None  # key of the figure to read it with
    decimals: int = 4
    group: str = ""  # title of the table that shows it


# short titles of the figures to read measures with
BESIDE = {
    "nothing_ssim": "doing nothing",
    "nothing_psnr": "doing nothing",
    "nothing_lpips": "doing nothing",
    "photo_retrieval_top1": "real photos",
    "photo_retrieval_top5": "real photos",
    "kid_lite0_deviation": "standard deviation",
    "damage": "damage",
    "size_across_90": "90th percentile",
    "size_along_90": "90th percentile",
}

# tables of the report
SWAP = "Swapping back"
GARMENT = "Garments and surroundings"
WARP = "Warped garment"
REALISM = "Realism"
CUT = "Leftovers and cut"
PRINT = "Print and outline"

MEASURES = (
    Measure("swap_back_ssim", "swap-back SSIM", "higher", "-1 to 1", "nothing_ssim", group=SWAP),
    Measure("swap_back_lead", "swap-back SSIM, lead over doing nothing", "higher", "-2 to 2", group=SWAP),
    Measure("swap_back_psnr", "swap-back PSNR", "higher", "0 to 100 dB", "nothing_psnr", 2, group=SWAP),
    Measure("swap_back_lpips", "swap-back LPIPS", "lower", "0 and more", "nothing_lpips", group=SWAP),
    Measure("retrieval_top1", "garment retrieval, top 1", "higher", "0 to 1", "photo_retrieval_top1", group=GARMENT),
    Measure("retrieval_top5", "garment retrieval, top 5", "higher", "0 to 1", "photo_retrieval_top5", group=GARMENT),
    Measure("changed_share", "looks whose garment changed", "higher", "0 to 1", group=GARMENT),
    Measure("outside_change", "outside change", "lower", "0 to 255", decimals=3, group=GARMENT),
    Measure("warp_iou", "warp IoU, paired", "higher", "0 to 1", group=WARP),
    Measure("warp_iou_clear", "warp IoU, paired, clear of hair, arms, lower clothes", "higher", "0 to 1", group=WARP),
    Measure("warp_l1", "warp L1, paired", "lower", "0 to 255", decimals=2, group=WARP),
    Measure("fid", "FID", "lower", "0 and more", decimals=3, group=REALISM),
    Measure("kid", "KID", "lower", "about 0 and more", decimals=5, group=REALISM),
    Measure("kid_lite0", "KID (EfficientNet-Lite0)", "lower", "about 0 and more", "kid_lite0_deviation", group=REALISM),
    Measure("frechet_lite0", "Fréchet distance (EfficientNet-Lite0)", "lower", "0 and more", decimals=2, group=REALISM),
    Measure("frechet_lite0_patches", "Fréchet distance of patches", "lower", "0 and more", decimals=2, group=REALISM),
    Measure("leftover", "leftover of the old clothes", "lower", "0 to 1", "damage", group=CUT),
    Measure("cut_neckline", "neckline's depth, difference", "lower", "0 and more trunk lengths", group=CUT),
    Measure("cut_hem", "hem's height, difference", "lower", "0 and more trunk lengths", group=CUT),
    Measure("cut_arms", "covered share of arms, difference", "lower", "0 to 1", group=CUT),
    Measure("size_across", "print's size across, |log ratio|", "lower", "0 and more", "size_across_90", group=PRINT),
    Measure("size_along", "print's size along, |log ratio|", "lower", "0 and more", "size_along_90", group=PRINT),
    Measure("outline", "outline's roughness, difference from photos", "lower", "8-bit steps", decimals=3, group=PRINT),
)

# numbers of looks that some measures are based on
COUNTS = {"leftover_looks": "looks with leftover and damage", "size_looks": "looks whose print was matched"}

# measures that every pair has a value of, with the better direction; cases can be sorted by them
UNPAIRED_CASES = {
    "swap_back_ssim": "higher",
    "swap_back_lead": "higher",
    "swap_back_psnr": "higher",
    "swap_back_lpips": "lower",
    "retrieval_rank": "lower",
    "outside_change": "lower",
    "leftover": "lower",
    "damage": "lower",
}
PAIRED_CASES = {"warp_iou": "higher", "warp_iou_clear": "higher", "warp_l1": "lower"}
CASES = UNPAIRED_CASES | PAIRED_CASES

# all figures of an evaluation, in the order of tables and files
KEYS = (*(key for measure in MEASURES for key in (measure.key, measure.beside) if key), *COUNTS)


def table(figures: dict[str, float], not_measured: dict[str, str]) -> list[str]:
    """Return the lines of a table: value, second figure, better direction and range of every measure.

    The numbers of looks and the reasons for missing figures follow below the table.
    """
    width = max(len(measure.title) for measure in MEASURES)
    lines = [f"{'measure':{width}}  {'value':>9}  {'beside it':24}  {'better':6}  range"]
    for measure in MEASURES:
        value = figures.get(measure.key)
        shown = "-" if value is None else f"{value:.{measure.decimals}f}"
        beside = ""
        if measure.beside in figures:
            beside = f"{figures[measure.beside]:.{measure.decimals}f} {BESIDE[measure.beside]}"
        lines.append(f"{measure.title:{width}}  {shown:>9}  {beside:24}  {measure.better:6}  {measure.limits}")
    lines += [f"{COUNTS[key]}: {figures[key]:.0f}" for key in COUNTS if key in figures]
    lines += [f"not measured: {key}: {reason}" for key, reason in not_measured.items()]
    return lines
