"""Measures the loss of quality by pruned module, and searches for the fastest scheme within a budget."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter

from fitroom.compress.measure import Worth, costs, worth
from fitroom.compress.prune import Importance, pruned
from fitroom.evaluate.plan import Plan
from fitroom.export.cases import Case
from fitroom.files import append_row, read_rows
from fitroom.hardware import command, hardware, versions
from fitroom.nets.interface import TryOnNetwork
from fitroom.store import Weights

RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5)
KEPT = ("swap_back_ssim", "swap_back_lead", "retrieval_top5", "warp_iou")  # quality figures of a row
Scheme = dict[str, float]  # ratio by module
Tell = Callable[["Row"], None]


@dataclass(frozen=True)
class Row:
    """Cost and quality of one scheme, and the conditions of the measurement."""

    weights: str
    scheme: str
    importance: str
    multiply_adds: float  # billions, of the whole network
    parameters: float  # millions
    ms: float
    swap_back_ssim: float
    swap_back_lead: float
    retrieval_top5: float
    warp_iou: float
    loss: float  # largest relative loss of a quality figure; see `Worth.loss_against`
    looks: int
    pairs: str
    hardware: str
    versions: str
    command: str


COLUMNS = tuple(field.name for field in fields(Row))


def written(scheme: Scheme) -> str:
    """Format a scheme as text, for example "generator 0.3, warp.flow 0.1"."""
    return ", ".join(f"{module} {ratio:g}" for module, ratio in sorted(scheme.items()) if ratio) or "unpruned"


class Measurer:
    """Measures pruning schemes of one network. Reuses the rows of its CSV file."""

    def __init__(
        self,
        network: TryOnNetwork,
        weights: Weights,
        plan: Plan,
        case: Case,
        importance: Importance,
        path: Path | None = None,
        tell: Tell = lambda row: None,
    ) -> None:
        self.network, self.weights, self.plan, self.case = network, weights, plan, case
        self.importance, self.path, self.tell = importance, path, tell
        self.made = (hardware(), versions(), command())
        self.rows = {row.scheme: row for row in kept_rows(path) if self.is_of_this(row)} if path else {}
        self.unpruned: Worth | None = None

    @property
    def name(self) -> str:
        """Name and version of the weights, as in rows."""
        return f"{self.weights.manifest.name} {self.weights.manifest.version}"

    def is_of_this(self, row: Row) -> bool:
        """Return whether a row has the same weights, importance and number of looks."""
        looks = len(self.plan.unpaired.pairs)
        return (row.weights, row.importance, row.looks) == (self.name, self.importance, looks)

    def narrowed(self, scheme: Scheme) -> TryOnNetwork:
        """Return the network pruned by a scheme, one module after the other."""
        network = self.network
        for module, ratio in scheme.items():
            network = pruned(network, [module], ratio, self.importance)
        return network

    def row(self, scheme: Scheme) -> Row:
        """Measure a scheme without fine-tuning, or return its stored row. Raises OutputError if saving fails."""
        name = written(scheme)
        if name in self.rows:
            return self.rows[name]
        if self.unpruned is None:
            self.unpruned = worth(self.network, self.weights, self.plan, self.case)
        network = self.narrowed(scheme)
        found = worth(network, self.weights, self.plan, self.case) if scheme else self.unpruned
        cost = costs(network, self.weights.manifest.height, self.weights.manifest.width)["all"]
        measured = {name: round(found.figures[name], 5) for name in KEPT}
        row = Row(
            weights=self.name,
            scheme=name,
            importance=self.importance,
            multiply_adds=round(cost.multiply_adds, 4),
            parameters=round(cost.parameters, 4),
            ms=round(found.ms, 3),
            **measured,
            loss=round(found.loss_against(self.unpruned), 5),
            looks=len(self.plan.unpaired.pairs),
            pairs=self.plan.unpaired.name,
            hardware=self.made[0],
            versions=self.made[1],
            command=self.made[2],
        )
        self.rows[name] = row
        if self.path:
            append_row(self.path, COLUMNS, asdict(row))
        self.tell(row)
        return row


def sensitivity(measurer: Measurer, modules: tuple[str, ...]) -> Iterator[Row]:
    """Measure the unpruned network, then every module alone at every ratio of RATIOS."""
    yield measurer.row({})
    for module in modules:
        for ratio in RATIOS:
            yield measurer.row({module: ratio})


def search(measurer: Measurer, modules: tuple[str, ...], budget: float, step: float = RATIOS[0]) -> Row:
    """Search greedily for the fastest scheme whose relative loss is at most `budget`.

    Each round raises the ratio of every module in turn by `step` and continues from the fastest candidate within the
    budget. The search ends when no candidate is faster.
    """
    scheme: Scheme = {}
    best = measurer.row(scheme)
    while True:
        tried = []
        for module in modules:
            further = round(scheme.get(module, 0) + step, 4)
            if further <= RATIOS[-1]:
                candidate = {**scheme, module: further}
                tried.append((measurer.row(candidate), candidate))
        within = [(row, candidate) for row, candidate in tried if row.loss <= budget and row.ms < best.ms]
        if not within:
            return best
        best, scheme = min(within, key=lambda item: item[0].ms)


def kept_rows(path: Path) -> list[Row]:
    """Read the rows of a CSV file, or return [] if there is no file. Raises OutputError if it holds another table."""
    return TypeAdapter(list[Row]).validate_python(read_rows(path, COLUMNS, "table of fitroom prune"))
