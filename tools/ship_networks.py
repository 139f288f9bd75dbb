"""Make the parser or the segmenter that ships, of a checkpoint, and write into its manifest what the graph measures.

From the project's root: ship_networks.py parser|segmenter WORK VERSION DATA TRAINED [STREET]. DATA is the VITON folder,
whose validation pairs measure; STREET is the folder of labelled street photos, for the parser. TRAINED says what the
network was trained on. Settings are the defaults.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fitroom.compress.quantize import of_inputs
from fitroom.data import label_sets
from fitroom.data.pack import open_reader
from fitroom.data.street import open_labelled
from fitroom.evaluate.parser import ParserFigures, measure_parsing
from fitroom.evaluate.parser_cases import labelled_cases, scene_cases, viton_cases
from fitroom.export.trained import export_trained_parser, export_trained_segmenter
from fitroom.hardware import command, hardware, versions
from fitroom.nets.graphs import to_bytes
from fitroom.photo.parse import parse_photo
from fitroom.runtime.interface import SEGMENTER, batched
from fitroom.runtime.openvino import OpenVinoGraphs, OpenVinoParser, compile_weights
from fitroom.store import MANIFEST, Measurement, Weights
from fitroom.train.samples import Samples, load_samples
from fitroom.train.tasks import parser, segmenter
from fitroom.train.tasks.segmenter_learner import measure_segmenter

SHIPPED = Path("src/fitroom/weights")
VALIDATION, TRAINING, STREET_VALIDATION = "val_pairs_paired.txt", "train_pairs.txt", "val.txt"
STREET_JOINTS = "experiments/street/val_joints.csv"
BATCH = 30
Figures = dict[str, tuple[float, str]]  # by metric: the value, and the data it was measured on


def figures_of_parser(weights: Weights, data: str, street: str) -> Figures:
    """Labels and key points in the studio, in scenes and in the street, as `fitroom evaluate-parser` measures them."""
    parser = OpenVinoParser.from_weights(weights)
    sources = {
        "studio": (viton_cases(data, VALIDATION), label_sets.VITON, VALIDATION),
        "scenes": (scene_cases(data, VALIDATION), label_sets.VITON, f"{VALIDATION}, in scenes"),
        "street": (
            labelled_cases(street, STREET_VALIDATION, joints=STREET_JOINTS),
            label_sets.STREET,
            f"{STREET_VALIDATION}, street photos",
        ),
    }
    found: Figures = {}
    for kind, (cases, groups, named) in sources.items():
        measured: ParserFigures = measure_parsing(cases, lambda photo: parse_photo(photo, parser), groups)
        found |= {f"{kind}_iou_{name}": (value, named) for name, value in measured.pooled().items()}
        found |= {f"{kind}_median_iou_{name}": (value, named) for name, value in measured.medians().items()}
        found |= {f"{kind}_{name}": (value, named) for name, value in measured.points.items()}
    return found


def figures_of_segmenter(weights: Weights, samples: Samples) -> Figures:
    """Masks in the studio and in scenes."""
    graphs = OpenVinoGraphs(compile_weights(weights, (SEGMENTER,)))

    def said(picture: Tensor) -> Tensor:
        shares = [graphs.run(SEGMENTER, [batched(one)])[0] for one in to_bytes(picture).numpy()]
        return torch.from_numpy(np.stack(shares)) - 0.5

    batches = segmenter.SegmenterTask(segmenter.SegmentingConfig()).validation(samples, BATCH)
    return {
        f"{kind}_{name}": (value, VALIDATION)
        for kind, one in batches.items()
        for name, value in measure_segmenter(said, one).items()
    }


def main(kind: str, work: str, version: str, data: str, trained: str, street: str = "") -> None:
    if kind == "parser":
        open_labelled(street)  # before an export and two measurements
        weights = export_trained_parser(
            parser.ParsingConfig(), work, data, TRAINING, SHIPPED / kind, of_inputs, version
        )
        figures = figures_of_parser(weights, data, street)
    else:
        weights = export_trained_segmenter(segmenter.SegmentingConfig(), work, data, TRAINING, SHIPPED / kind, version)
        reader = open_reader(data)
        samples = load_samples(reader, reader.pairs(VALIDATION).pairs, 256, 192, 2, lambda items, total: items)
        figures = figures_of_segmenter(weights, samples)
    metrics = [
        Measurement(
            metric=name, value=round(value, 5), data=listed, command=command(), hardware=hardware(), versions=versions()
        )
        for name, (value, listed) in figures.items()
    ]
    for metric in metrics:
        print(f"{metric.metric:32} {metric.value}")
    complete = weights.manifest.model_copy(update={"metrics": metrics, "training_data": trained})
    (SHIPPED / kind / MANIFEST).write_text(complete.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
