"""Gradients of a network on batches of its fine-tuning: what Taylor importance reads (Molchanov et al., CVPR 2019)."""

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
PAIRS = 256  # read for them


def gather_gradients(network: TryOnNetwork, config: TrainConfig, data: str, work: str) -> None:
    """Leave the mean gradient of some batches' losses in a network's parameters. Raises DataError."""
    reader = open_reader(data)
    pairs = reader.pairs(TRAIN_LIST).pairs[:PAIRS]
    samples = load_samples(reader, pairs, config.height, config.width, 2, lambda items, total: items)
    fakes = find_fakes(config, Path(work), samples, Faces())
    batches = Batches(samples, fakes, UNCHANGED, config.loop.batch, seed=config.loop.seed)
    # losses against the photo: those against the unpruned network, itself, are nothing yet
    trainee = Trainee(network, StageConfig(config.stage.name))
    # running statistics stay as they were trained
    trainee.eval()
    with torch.enable_grad():
        for step in range(BATCHES):
            (trainee.total(trainee(batches.of_step(step))) / BATCHES).backward()  # type: ignore[no-untyped-call]
