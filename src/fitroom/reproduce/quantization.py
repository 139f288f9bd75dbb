"""Reproduce the quantization table of the original system (2023) with our networks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fitroom.compress.measure import Cost, Worth, costs, worth_of_graphs
from fitroom.compress.qat import STAGES_OF
from fitroom.compress.quantizing import Method, QuantizeRequest, check_request, run_quantize
from fitroom.data.viton import UNPAIRED_LIST, VALIDATION_LIST
from fitroom.errors import WeightsError
from fitroom.evaluate.plan import Plan, Progress, make_plan
from fitroom.export.cases import drawn_cases
from fitroom.files import append_row, read_rows
from fitroom.nets.registry import load_network
from fitroom.reproduce.pruning import OWN_COLUMNS, WARP, Tell, own_cells
from fitroom.runtime.interface import GRAPHS
from fitroom.runtime.openvino import ov
from fitroom.store import Weights, open_weights
from fitroom.train.session import Faces

UNQUANTIZED = "Unquantized"
SCHEMES = {  # the original's names
    "Quantize CWM": ("warp",),
    "Quantize IGM": ("generator",),
    "Quantize CWM & IGM": ("warp", "generator"),
}
# suffixes of row names; none for training, as in the original
METHODS: dict[Method, str] = {"ptq": ", post-training", "qat": ""}
PARTS = {"warp": WARP, "generator": ("generator",)}  # prunable parts of each module
# the original's columns, then ours
COLUMNS = ("optimization", "cpu_fid", "gpu_fid", "original_mb", "quantized_mb", "files_mb", *OWN_COLUMNS)


@dataclass(frozen=True)
class QuantizationRequest:
    """Settings for filling the table."""

    request: QuantizeRequest  # for both modules; its work folder has fakes, and every row gets a subfolder
    methods: tuple[Method, ...]
    csv: str


def run_quantization_table(wanted: QuantizationRequest, tell: Tell, faces: Faces, progress: Progress) -> Path:
    """Fill the table row by row. Existing rows are not measured again, and an interrupted row is resumed.

    Quality and milliseconds are measured on the exported graphs. Raises WeightsError, DataError, InputError and
    OutputError.
    """
    request, path = wanted.request, Path(wanted.csv)
    weights = open_weights(request.weights)
    check_request(replace(request, method="ptq"), weights)
    if request.work is None:
        raise WeightsError("--work is missing; name a folder for the trained and quantized weights.")
    named = f"{weights.manifest.name} {weights.manifest.version}"
    known = read_rows(path, COLUMNS, "quantization table of fitroom")
    done = {row["optimization"] for row in known if row["network"] == named}
    missing = [row for row in rows_wanted(wanted.methods) if row[0] not in done]
    if not missing:
        return path
    plan = make_plan(request.data, UNPAIRED_LIST, VALIDATION_LIST, progress)
    cost = costs(load_network(weights), weights.manifest.height, weights.manifest.width)
    before = measured(weights, plan)
    for label, modules, method in missing:
        found = weights
        if modules:
            folder = Path(request.work) / f"quantized-{method}-{'-'.join(modules)}"
            folder.mkdir(parents=True, exist_ok=True)
            overrides = (f"fakes=[{Path(request.work).absolute() / 'cut-fakes'}]", *request.overrides)
            one = replace(request, modules=modules, method=method, work=str(folder), overrides=overrides)
            made = folder / "weights"
            found = open_weights(str(made)) if made.exists() else run_quantize(one, made, faces).weights
        row = row_of(label, named, modules, cost, found, measured(found, plan) if modules else before, before)
        append_row(path, COLUMNS, row)
        tell(row)
    return path


def rows_wanted(methods: tuple[Method, ...]) -> Iterator[tuple[str, tuple[str, ...], Method]]:
    """Yield label, modules and method of each row."""
    yield UNQUANTIZED, (), "ptq"
    for method in methods:
        for label, modules in SCHEMES.items():
            yield label + METHODS[method], modules, method


def measured(weights: Weights, plan: Plan) -> Worth:
    """Measure quality and speed of the exported graphs."""
    case = drawn_cases(1, weights.manifest.height, weights.manifest.width)[0]
    return worth_of_graphs(weights, plan, case)


def row_of(
    label: str,
    network: str,
    modules: tuple[str, ...],
    cost: dict[str, Cost],
    weights: Weights,
    value: Worth,
    before: Worth,
) -> dict[str, object]:
    """Return one row by column. Sizes are for the quantized modules, or for both modules if none is quantized."""
    counted = [part for module in modules or STAGES_OF for part in PARTS[module]]
    original = sum(cost[part].megabytes for part in counted)
    files = sum(weights.file(f"{name}.bin").stat().st_size for name in GRAPHS)
    cells: dict[str, object] = {
        "optimization": label,
        "original_mb": f"{original:.2f}",
        "quantized_mb": f"{original - 3 * eight_bit_values(weights) / 1e6:.2f}",
        "files_mb": f"{files / 1e6:.2f}",
    }
    cells |= own_cells(network, value, before, weights.manifest.history[-1] if modules else "")
    if "fid" in value.figures:
        cells["cpu_fid"] = f"{value.figures['fid']:.3f}"
    return {column: cells.get(column, "") for column in COLUMNS}


def eight_bit_values(weights: Weights) -> int:
    """Count the 8-bit values in the constants of the graphs."""
    graphs = [ov.Core().read_model(weights.file(f"{name}.xml")) for name in GRAPHS]
    constants = [op for graph in graphs for op in graph.get_ops() if op.get_type_name() == "Constant"]
    eight = (ov.Type.i8, ov.Type.u8)
    return sum(op.data.size for op in constants if op.get_element_type() in eight)
