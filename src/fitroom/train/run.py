"""Training from a data folder to a weights folder."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fitroom.export import export_weights
from fitroom.nets.lite import LiteConfig
from fitroom.store import Weights, check_weights_output
from fitroom.train.restore import RestoreConfig, train
from fitroom.train.sources import Progress, SourceConfig, quiet, synthetic_source, viton_source

TERMS = (
    "Trained on VITON, whose photographs no licence covers: research use only. "
    "No rights in the photographs or in the persons shown are conveyed."
)


@dataclass(frozen=True)
class RunConfig:
    """Everything that a run of the restore recipe is set by."""

    network: LiteConfig = field(default_factory=LiteConfig)
    source: SourceConfig = field(default_factory=SourceConfig)
    restore: RestoreConfig = field(default_factory=RestoreConfig)


def run_restore(
    data: str | Path,
    pairs: str | Path,
    work: str | Path,
    output: str | Path,
    config: RunConfig,
    *,
    name: str = "lite",
    version: str = "0",
    processes: int = 2,
    progress: Progress = quiet,
    report: Callable[[str], None] = lambda line: None,
) -> Weights:
    """Train `lite` by the restore recipe and export it to `output`.

    `work` keeps the decoded pictures and the checkpoint; the same folder continues from its checkpoint. Raises
    DataError for a broken data folder, FitroomError where a loss is not finite.
    """
    check_weights_output(output)
    work = Path(work)
    sources = [viton_source(data, pairs, work / "viton", config.source, processes, progress)]
    if config.source.figures:
        size = sources[0].worn.shape[1], sources[0].worn.shape[2]
        sources.append(synthetic_source(size, work / "synthetic", config.source, processes, progress))
    network = train(sources, config.restore, work / "checkpoint.pt", config.network, report)
    described = f"{Path(pairs).name} of {Path(data).name}, {len(sources[0])} pairs"
    if config.source.figures:
        described += f"; {config.source.figures} drawn figures"
    return export_weights(
        network,
        output,
        name=name,
        version=version,
        training_data=described,
        terms=TERMS,
        half_tensors=True,
        step=report,
    )
