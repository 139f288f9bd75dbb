"""Computes a network's gradients on fine-tuning batches, for Taylor importance (Molchanov et al., CVPR 2019)."""

from pathlib import Path

import torch

from fitroom.data.augment import UNCHANGED
from fitroom.data.pack import open_reader
from fitroom.data.viton import TRAIN_LIST
from fitroom.nets.interface import TryOnNetwork
from fitroom.train.batches import Batches
from fitroom.train.samples import load_samples
from fitroom.train.session import Faces
from fitroom.train.tasks.config import TrainConfig
from fitroom.train.tasks.stages import StageConfig, Trainee
from fitroom.train.tasks.tryon import find_fakes

BATCHES = 8
PAIRS = 256  # training pairs that batches are drawn from


def gather_gradients(network: TryOnNetwork, config: TrainConfig, data: str, work: str) -> None:
    """Add the mean gradient of BATCHES batches' losses to the gradients of a network's parameters. Raises DataError."""
    reader = open_reader(data)
    pairs = reader.pairs(TRAIN_LIST).pairs[:PAIRS]
    samples = load_samples(reader, pairs, config.height, config.width, 2, lambda items, total: items)
    fakes = find_fakes(config, Path(work), samples, Faces())
    batches = Batches(samples, fakes, UNCHANGED, config.loop.batch, seed=config.loop.seed)
    # losses against the photo, because a distillation loss against the network itself is zero
    trainee = Trainee(network, StageConfig(config.stage.name))
    # keep the running statistics of batch norms
    trainee.eval()
    with torch.enable_grad():
        for step in range(BATCHES):
            (trainee.total(trainee(batches.of_step(step))) / BATCHES).backward()  # type: ignore[no-untyped-call]
