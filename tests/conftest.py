"""Shared fixtures: the shared data, drawn pictures and small weights."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from fitroom.data.reader import FolderReader
from fitroom.data.synthetic import Sample, samples, write_dataset
from fitroom.export.weights import ExportConfig, Origin, export_network
from fitroom.nets.body_warp import WarpConfig
from fitroom.nets.guided import GuidedConfig
from fitroom.nets.interface import Dressed, TryOnNetwork
from fitroom.nets.lite import Lite, LiteConfig, identity_grid
from fitroom.nets.painter import PaintConfig
from fitroom.nets.parser import ParserConfig
from fitroom.store import Weights
from fitroom.train.batches import Batch
from fitroom.train.samples import Samples, load_samples

SHARED = Path(__file__).resolve().parents[2] / "shared"
NOBODY = Origin("small", "0", "none", "none")
SMALL_GUIDED = GuidedConfig(
    ParserConfig(), WarpConfig(8, (8, 8, 8, 8), 8, (1, 1, 1, 2), (8, 8, 8, 8, 8)), PaintConfig((8, 8, 8, 8))
)
SMALL_LITE = LiteConfig(8, (8, 8, 16, 16), 8, (1, 1, 1, 2), (16, 16, 8, 8, 8), (8, 8, 16, 16))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the tests a cache folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def shared(name: str) -> Path:
    """Return a path in the shared data. Skips the test if it does not exist."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the shared data is not here ({path})")
    return path


def random_statistics(network: torch.nn.Module, seed: int = 0) -> None:
    """Fill all tensors with random values, including heads that start at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif tensor.ndim == 4:
                tensor.copy_(noise / tensor[0].numel() ** 0.5)
            elif tensor.ndim == 2:
                tensor.copy_(0.05 * noise / tensor.shape[1] ** 0.5)
            elif name.endswith("weight"):
                tensor.copy_(1 + 0.2 * noise)
            else:
                tensor.copy_(0.1 * noise)


@pytest.fixture(scope="session")
def sample() -> Sample:
    """One drawn figure in its own garment and in another."""
    return next(iter(samples(2, seed=11)))


@pytest.fixture(scope="session")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of twelve drawn figures. Tests must not change it."""
    return write_dataset(tmp_path_factory.mktemp("data") / "figures", 12, seed=77)


@pytest.fixture(scope="session")
def training_samples(figures: Path) -> Samples:
    """The figures as training samples of 64x64."""
    return read_samples(figures)


def read_samples(figures: Path) -> Samples:
    """Load the figures of a data folder as training samples of 64x64."""
    reader = FolderReader(figures)
    return load_samples(reader, reader.pairs("train_pairs.txt").pairs, 64, 64, 1, lambda items, total: items)


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """A small `lite` with random tensors, exported."""
    network = Lite(SMALL_LITE)
    random_statistics(network)
    folder = tmp_path_factory.mktemp("weights") / "small"
    return export_network(network, folder, NOBODY, ExportConfig(half_tensors=True)).weights


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


class Shift(TryOnNetwork):
    """A network that shifts the flow by a learned constant and returns the photo as the look."""

    align_corners = False
    config = None

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = torch.nn.Parameter(torch.tensor(by))

    def person_features(self, person):
        return (person[:, :1] * 0 + self.by,)

    def garment_features(self, garment, garment_mask):
        return (garment,)

    def flows(self, person_features, garment_features):
        grid = identity_grid(garment_features[0]).expand(len(garment_features[0]), -1, -1, -1)
        return (grid[..., ::2, ::2] + self.by, grid + self.by)

    def generate(self, person, garment, garment_mask, flow, person_features, garment_features=()):
        half = torch.full_like(garment_mask, 0.5)
        return Dressed(person[:, :3], flow, garment, garment_mask, person[:, :3], half, half)


@pytest.fixture
def batch() -> Batch:
    """Two samples whose photo shows the garment exactly as the product shot does: the true flow is the identity."""
    generator = torch.Generator().manual_seed(0)
    garment = torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1
    mask = torch.zeros(2, 1, 32, 32)
    mask[:, :, 8:24, 8:24] = 1
    label = (4 * mask[:, 0]).to(torch.uint8)
    shown = torch.zeros(2, 3, 32, 32)
    restored, paired = torch.tensor([1.0, 0.0]), torch.ones(2)
    return Batch(torch.arange(2), garment, label, torch.zeros(2, 18, 3), mask, garment, mask, shown, restored, paired)
