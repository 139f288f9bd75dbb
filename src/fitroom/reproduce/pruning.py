"""Reproduce the pruning tables of the original system (2023) with our networks, including fine-tuning.

The columns are those of the original's files in results/original, followed by ours. `fitroom report` compares both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fitroom.arrays import HEIGHT, WIDTH
from fitroom.compress.finetuned import PruneRequest, run_prune
from fitroom.compress.measure import Cost, Worth, costs, runner_of, worth
from fitroom.compress.prune import pruned
from fitroom.data.viton import UNPAIRED_LIST, VALIDATION_LIST
from fitroom.evaluate.plan import Plan, Progress, make_plan
from fitroom.export.cases import drawn_cases
from fitroom.export.parity import look
from fitroom.files import append_row, read_rows
from fitroom.hardware import command, hardware, time_ms, versions
from fitroom.nets.interface import TryOnNetwork
from fitroom.nets.registry import load_network
from fitroom.store import Weights, open_weights
from fitroom.train.processes import Precision
from fitroom.train.session import Faces

WARP = ("warp.person", "warp.garment", "warp.flow")
UNPRUNED = "Original Module"
REPEATS = 20  # timed looks of a row without quality
Tell = Callable[[dict[str, object]], None]


@dataclass(frozen=True)
class Table:
    """One of the original's pruning tables."""

    file: str  # name in results and in results/original
    modules: tuple[str, ...]  # modules that are pruned with the same ratio
    counted: str  # module that the columns gflops, params_m and size_mb describe
    ratios: tuple[float, ...]


TABLES = {
    "warp": Table("warp_pruning.csv", WARP, "warp.garment", (0.2, 0.3, 0.4, 0.5)),
    "generator": Table("generator_pruning.csv", ("generator",), "generator", (0.2, 0.25, 0.3, 0.35, 0.4)),
}
OWN_COLUMNS = (
    "network",
    "swap_back_ssim",
    "swap_back_lead",
    "retrieval_top5",
    "loss_percent",
    "ms",
    "finetuned",
    "hardware",
    "versions",
    "command",
)
# the original's columns, then ours
COLUMNS = (
    "metrics",
    "gflops",
    "params_m",
    "size_mb",
    "total_size_mb",
    "compression_ratio_percent",
    "fid",
    "fid_loss_percent",
    *OWN_COLUMNS,
)


BEST_FILE = "best_pruning.csv"
BEST = {"CWM (clothes warp module)": WARP, "IGM (image generation module)": ("generator",)}  # the original's names
BEST_COLUMNS = ("model", "original_mb", "sparsity_percent", "pruned_mb", "fid", "fps", *OWN_COLUMNS)


@dataclass(frozen=True)
class TableRequest:
    """Settings for filling a table."""

    table: str  # key of TABLES
    weights: str
    data: str
    work: str  # folder with fakes; every row gets a subfolder
    csv: str
    minutes: float  # fine-tuning time per row
    precision: Precision = "32-true"
    overrides: tuple[str, ...] = ()  # of settings of the stage finetune


def label(ratio: float) -> str:
    """Return the original's name of a row."""
    return f"Ratio={ratio:g} with FineTuning" if ratio else UNPRUNED


def run_table(
    request: TableRequest, tell: Callable[[dict[str, object]], None], faces: Faces, progress: Progress
) -> Path:
    """Fill a table row by row. Existing rows are not measured again, and an interrupted row is resumed.

    Raises WeightsError, DataError, InputError, OutputError.
    """
    table, path, weights = TABLES[request.table], Path(request.csv), open_weights(request.weights)
    named = f"{weights.manifest.name} {weights.manifest.version}"
    done = {row["metrics"] for row in read_rows(path, COLUMNS, "pruning table of fitroom") if row["network"] == named}
    plan = make_plan(request.data, UNPAIRED_LIST, VALIDATION_LIST, progress)
    unpruned: tuple[dict[str, Cost], Worth] | None = None
    for ratio in (0.0, *table.ratios):
        if label(ratio) in done:
            continue
        if unpruned is None:
            unpruned = measured(weights, plan)
        tuned, found = "", unpruned
        if ratio:
            folder = Path(request.work) / f"{request.table}-{ratio:g}"
            folder.mkdir(parents=True, exist_ok=True)
            fakes = f"fakes=[{Path(request.work).absolute() / 'cut-fakes'}]"
            pruning = PruneRequest(
                request.weights,
                table.modules,
                ratio,
                data=request.data,
                work=str(folder),
                overrides=(fakes, *request.overrides),
                max_minutes=request.minutes,
                precision=request.precision,
            )
            made = run_prune(pruning, folder / "weights", faces).weights
            tuned, found = made.manifest.history[-1], measured(made, plan)
        row = row_of(table, named, ratio, found, unpruned, tuned)
        append_row(path, COLUMNS, row)
        tell(row)
    return path


def run_best(full: str, narrowed: str, data: str, csv: str, progress: Progress) -> Path:
    """Add the rows of the best scheme: compare the pruned weights `narrowed` with the original `full`, in float32.

    Raises WeightsError, DataError, OutputError.
    """
    path, before, after = Path(csv), open_weights(full), open_weights(narrowed)
    named, made = f"{after.manifest.name} {after.manifest.version}", "; ".join(after.manifest.history)
    known = read_rows(path, BEST_COLUMNS, "table of the best scheme")
    if (named, made) in {(row["network"], row["finetuned"]) for row in known}:
        return path
    plan = make_plan(data, UNPAIRED_LIST, VALIDATION_LIST, progress)
    (wide, first), (narrow, value) = measured(before, plan), measured(after, plan)
    for model, parts in BEST.items():
        mine, theirs = (sum(cost[part].megabytes for part in parts) for cost in (narrow, wide))
        cells: dict[str, object] = {
            "model": model,
            "original_mb": f"{theirs:.2f}",
            "pruned_mb": f"{mine:.2f}",
            "sparsity_percent": f"{100 * (1 - mine / theirs):.1f}",
            "fps": f"{1000 / value.ms:.1f}",
        }
        cells |= own_cells(named, value, first, made)
        if "fid" in value.figures:
            cells["fid"] = f"{value.figures['fid']:.3f}"
        append_row(path, BEST_COLUMNS, {column: cells.get(column, "") for column in BEST_COLUMNS})
    return path


def measured(weights: Weights, plan: Plan) -> tuple[dict[str, Cost], Worth]:
    """Measure costs by module, and quality and speed."""
    network, manifest = load_network(weights), weights.manifest
    case = drawn_cases(1, manifest.height, manifest.width)[0]
    return costs(network, manifest.height, manifest.width), worth(network, weights, plan, case)


def row_of(
    table: Table,
    network: str,
    ratio: float,
    found: tuple[dict[str, Cost], Worth],
    unpruned: tuple[dict[str, Cost], Worth],
    tuned: str,
) -> dict[str, object]:
    """Return one row by column."""
    (cost, value), (full, before) = found, unpruned
    figures = value.figures
    cells = cost_cells(table, ratio, cost, full)
    cells |= own_cells(network, value, before, tuned)
    if "fid" in figures:
        cells["fid"] = f"{figures['fid']:.3f}"
        cells["fid_loss_percent"] = f"{100 * (figures['fid'] / before.figures['fid'] - 1):.2f}"
    return {column: cells.get(column, "") for column in COLUMNS}


def cost_cells(table: Table, ratio: float, cost: dict[str, Cost], full: dict[str, Cost]) -> dict[str, object]:
    """Return the original's columns of cost, for a network pruned by `ratio` and the full network."""

    def total(of: dict[str, Cost]) -> float:
        return sum(of[module].megabytes for module in table.modules)

    counted = cost[table.counted]
    return {
        "metrics": label(ratio),
        "gflops": f"{counted.multiply_adds:.3f}",
        "params_m": f"{counted.parameters:.3f}",
        "size_mb": f"{counted.megabytes:.2f}",
        "total_size_mb": f"{total(cost):.2f}",
        "compression_ratio_percent": f"{100 * total(cost) / total(full):.2f}",
    }


def run_costs(name: str, network: TryOnNetwork, csv: str, tell: Tell, height: int = HEIGHT, width: int = WIDTH) -> Path:
    """Fill a table (a key of TABLES) with the costs of an untrained network, without quality and fine-tuning.

    Existing rows are not measured again. Raises OutputError.
    """
    table, path = TABLES[name], Path(csv)
    named = f"{network.name} untrained"
    done = {row["metrics"] for row in read_rows(path, COLUMNS, "pruning table of fitroom") if row["network"] == named}
    full, case = costs(network, height, width), drawn_cases(1, height, width)[0]
    for ratio in (0.0, *table.ratios):
        if label(ratio) in done:
            continue
        narrow = pruned(network, table.modules, ratio) if ratio else network
        runner = runner_of(narrow, height, width)
        cells = cost_cells(table, ratio, costs(narrow, height, width), full)
        cells |= {
            "network": named,
            "ms": f"{time_ms(partial(look, runner, case), REPEATS).median:.2f}",
            "hardware": hardware(),
            "versions": versions(),
            "command": command(),
        }
        row = {column: cells.get(column, "") for column in COLUMNS}
        append_row(path, COLUMNS, row)
        tell(row)
    return path


def own_cells(network: str, value: Worth, before: Worth, tuned: str) -> dict[str, object]:
    """Return OWN_COLUMNS of a row; `before` is the uncompressed network, for the loss."""
    quality = {name: f"{value.figures[name]:.4f}" for name in ("swap_back_ssim", "swap_back_lead", "retrieval_top5")}
    return {
        "network": network,
        **quality,
        "loss_percent": f"{100 * value.loss_against(before):.2f}",
        "ms": f"{value.ms:.2f}",
        "finetuned": tuned,
        "hardware": hardware(),
        "versions": versions(),
        "command": command(),
    }
