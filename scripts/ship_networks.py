"""Make the parser or the segmenter that ships, of a checkpoint, and write into its manifest what the graph measures.

From the project's root: ship_networks.py parser|segmenter WORK VERSION DATA TRAINED. DATA is the VITON folder, whose
validation pairs measure; TRAINED says what it was trained on. Settings are the defaults.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fitroom.circumstances import command, hardware, versions
from fitroom.data.pack import open_reader
from fitroom.nets.graphs import to_bytes
from fitroom.runtime.interface import SEGMENTER, batched
from fitroom.runtime.openvino import OpenVinoGraphs, OpenVinoParser, compile_weights
from fitroom.store import MANIFEST, Measurement, Weights
from fitroom.train import parsing_run, segmenting_run
from fitroom.train.parsing import Told, measure_parser
from fitroom.train.samples import Samples, load_samples
from fitroom.train.segmenting import measure_segmenter

SHIPPED = Path("src/fitroom/weights")
VALIDATION, TRAINING = "val_pairs_paired.txt", "train_pairs.txt"
BATCH = 30


def told_by_graph(parser: OpenVinoParser) -> Told:
    """See `parsing.Told`."""

    def told(photo: Tensor) -> tuple[Tensor, Tensor]:
        found = [parser.parse(picture) for picture in to_bytes(photo).numpy()]
        labels, points = (np.stack(values) for values in zip(*found, strict=True))
        return torch.from_numpy(labels), torch.from_numpy(points)

    return told


def figures_of_parser(weights: Weights, samples: Samples) -> dict[str, float]:
    told = told_by_graph(OpenVinoParser.from_weights(weights))
    batches = parsing_run.parsing_course(parsing_run.ParsingConfig()).validation(samples, BATCH)
    return {f"{k}_{n}": v for k, one in batches.items() for n, v in measure_parser(told, one).items()}


def figures_of_segmenter(weights: Weights, samples: Samples) -> dict[str, float]:
    graphs = OpenVinoGraphs(compile_weights(weights, (SEGMENTER,)))

    def said(picture: Tensor) -> Tensor:
        shares = [graphs.run(SEGMENTER, [batched(one)])[0] for one in to_bytes(picture).numpy()]
        return torch.from_numpy(np.stack(shares)) - 0.5

    batches = segmenting_run.segmenting_course(segmenting_run.SegmentingConfig()).validation(samples, BATCH)
    return {f"{k}_{n}": v for k, one in batches.items() for n, v in measure_segmenter(said, one).items()}


def main(kind: str, work: str, version: str, data: str, trained: str) -> None:
    run, config, figures = {
        "parser": (parsing_run, parsing_run.ParsingConfig(), figures_of_parser),
        "segmenter": (segmenting_run, segmenting_run.SegmentingConfig(), figures_of_segmenter),
    }[kind]
    weights = run.export_trained(config, work, data, TRAINING, SHIPPED / kind, version)
    reader = open_reader(data)
    samples = load_samples(reader, reader.pairs(VALIDATION).pairs, 256, 192, 2, lambda items, total: items)
    metrics = [
        Measurement(
            metric=name, value=round(value, 5), data=f"{VALIDATION}, VITON, cleaned: 300 pairs", command=command(),
            hardware=hardware(), versions=versions(),
        )
        for name, value in figures(weights, samples).items()
    ]  # fmt: skip
    for metric in metrics:
        print(f"{metric.metric:24} {metric.value}")
    complete = weights.manifest.model_copy(update={"metrics": metrics, "training_data": trained})
    (SHIPPED / kind / MANIFEST).write_text(complete.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
