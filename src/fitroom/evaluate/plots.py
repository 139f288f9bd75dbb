"""Draw the plots of the report as SVG. The same figures give the same file."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

Row = dict[str, str]
SETTINGS: Any = {"svg.hashsalt": "fitroom", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, without the date."""
    figure.savefig(path, format="svg", metadata={"Date": None}, bbox_inches="tight")


def draw_systems(rows: list[Row], path: Path) -> None:
    """Plot every system: garment retrieval (x) and lead of swap-back over doing nothing (y), both higher is better."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(6, 3.6))
        axes = figure.add_subplot()
        for row in rows:
            if not (row["retrieval_top5"] and row["swap_back_lead"]):
                continue
            x, y = float(row["retrieval_top5"]), float(row["swap_back_lead"])
            axes.plot(x, y, "o", color="0.5" if not row["backend"] else "tab:blue")
            name = " ".join(filter(None, (row["system"], row["version"], row["backend"])))
            axes.annotate(name, (x, y), xytext=(6, 5), textcoords="offset points")
        photos = next((row["photo_retrieval_top5"] for row in rows if row["photo_retrieval_top5"]), None)
        if photos:
            axes.axvline(float(photos), color="0.7", linestyle=":")
            axes.annotate("real photos", (float(photos), 0), xytext=(4, 40), textcoords="offset points", color="0.5")
        axes.set_xlim(-0.03, 1.1)
        axes.margins(y=0.15)
        axes.set_xlabel("garment retrieval, top 5")
        axes.set_ylabel("swap-back SSIM,\nlead over doing nothing")
        axes.grid(alpha=0.3)
        save(figure, path)


def losses_alone(rows: list[Row]) -> dict[str, list[tuple[float, float]]]:
    """Return (ratio, loss) points of every module pruned alone, from rows of `fitroom prune --sensitivity`."""
    losses: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        module, _, ratio = row["scheme"].rpartition(" ")
        if module and "," not in module:
            losses.setdefault(module, [(0.0, 0.0)]).append((float(ratio), float(row["loss"])))
    return losses


def draw_sensitivity(losses: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """Plot the loss of quality (a share) against the pruning ratio; `losses` has (ratio, loss) points by module."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(6, 3.2))
        axes = figure.add_subplot()
        for module, points in losses.items():
            axes.plot([x for x, _ in points], [100 * y for _, y in points], marker="o", markersize=3, label=module)
        axes.set_xlabel("share of channels pruned, one module alone, not fine-tuned")
        axes.set_ylabel("quality lost, %")
        axes.grid(alpha=0.3)
        axes.legend()
        save(figure, path)


def draw_original_pruning(warp: list[Row], generator: list[Row], path: Path) -> None:
    """Plot the FID of the original system against the size of its pruned module."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(6, 3.2))
        axes = figure.add_subplot()
        for rows, name, marker in ((warp, "warp network", "o"), (generator, "generator", "s")):
            sizes = [float(row["total_size_mb"]) for row in rows]
            axes.plot(sizes, [float(row["fid"]) for row in rows], marker=marker, label=f"original, {name} pruned")
        axes.set_xlabel("size of the module, MB")
        axes.set_ylabel("FID, lower is better")
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
        save(figure, path)


def draw_calibration(points: list[tuple[float, float]], path: Path) -> None:
    """Plot the share of right looks against confidence; `points` are (confidence, share) pairs."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(3.4, 3.2))
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color="0.7", linestyle=":")
        axes.plot([said for said, _ in points], [right for _, right in points], marker="o")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("confidence")
        axes.set_ylabel("share of looks that are right")
        axes.grid(alpha=0.3)
        save(figure, path)
