"""Weights of an earlier, smaller `lite` as ones of today's size, which do the same, to train on from.

From the project's root: grow_weights.py FROM OUT; then fitroom train pf_warp --set start=OUT ...
"""

import sys

import torch

from fitroom.export.weights import ExportConfig, Origin, export_network
from fitroom.nets.grow import grown
from fitroom.nets.lite import LiteConfig
from fitroom.nets.registry import load_network
from fitroom.store import open_weights


def main(source: str, output: str) -> None:
    weights = open_weights(source)
    manifest = weights.manifest
    torch.manual_seed(0)
    network = grown(load_network(weights), LiteConfig()).eval()  # type: ignore[arg-type]
    origin = Origin("lite", manifest.version, manifest.training_data, manifest.terms, manifest.history)
    export_network(network, output, origin, ExportConfig(half_tensors=True), step=print)


if __name__ == "__main__":
    main(*sys.argv[1:])
