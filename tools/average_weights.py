"""Average two sets of weights of one network (Wortsman et al., "Model soups", ICML 2022).

From the project's root: average_weights.py ONE OTHER OUT [WARP GENERATOR]
WARP and GENERATOR say how much of OTHER's warp and generator is taken, from 0 to 1; 0.5 where they are left out.
"""

import sys

import torch

from fitroom.export.weights import ExportConfig, Origin, export_network
from fitroom.nets.registry import load_network
from fitroom.store import open_weights
from fitroom.train.checkpoint import check_network


def main(one: str, other: str, output: str, warp: str = "0.5", generator: str = "0.5") -> None:
    found, trained = open_weights(one), open_weights(other)
    first, second = found.manifest, trained.manifest
    network, later = load_network(found), load_network(trained)
    check_network(first.network, first.config, second.network, later.config, found.folder)
    tensors = later.state_dict()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            # numbers of bits are whole
            if tensor.is_floating_point():
                tensor.lerp_(tensors[name], float(generator if name.startswith("generator.") else warp))
    origin = Origin(second.name, second.version, second.training_data, second.terms, second.history)
    export_network(network.eval(), output, origin, ExportConfig(half_tensors=True), step=print)


if __name__ == "__main__":
    main(*sys.argv[1:])
