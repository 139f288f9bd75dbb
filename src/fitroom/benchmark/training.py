"""Measure the time of a training step and its parts, on drawn figures."""

import time
from collections.abc import Callable
from statistics import median

import torch
from lightning_fabric import Fabric

from fitroom.data.augment import AugmentConfig
from fitroom.data.synthetic import samples as drawn
from fitroom.data.viton import Pair
from fitroom.nets.correlation import correlation
from fitroom.nets.lite import Lite, LiteConfig
from fitroom.train.batches import Batches
from fitroom.train.samples import Fakes, Samples
from fitroom.train.tasks.stages import StageConfig, StageName, Trainee
from fitroom.train.tasks.teacher_input import PARSED

WARM_UP = 2


def drawn_samples(count: int) -> tuple[Samples, Fakes]:
    """Draw figures in their own garments, and the same figures in other garments as fakes."""
    figures = list(drawn(count, seed=5))
    columns = [
        [torch.from_numpy(f.photo.image).permute(2, 0, 1) for f in figures],
        [torch.from_numpy(f.photo.label) for f in figures],
        [torch.from_numpy(f.photo.key_points).float() for f in figures],
        [torch.from_numpy(f.garment).permute(2, 0, 1) for f in figures],
        [torch.from_numpy(f.garment_mask) for f in figures],
    ]
    pairs = [Pair(f"{number}_0.jpg", f"{number}_1.jpg") for number in range(count)]
    others = torch.stack([torch.from_numpy(f.other_photo.image).permute(2, 0, 1) for f in figures])
    return Samples(pairs, *(torch.stack(column) for column in columns)), Fakes(torch.arange(count), others)


def correlation_step(config: LiteConfig, batch: int, device: torch.device) -> Callable[[], None]:
    """Return a function that runs the correlations of one step of `lite`, forward and backward."""
    inputs = [
        [torch.randn(batch, config.pyramid, *size, device=device, requires_grad=True) for _ in range(2)]
        for size, passes in (((16, 12), config.passes[1]), ((32, 24), config.passes[2]))
        for _ in range(passes)
    ]

    def run() -> None:
        for garment, person in inputs:
            correlation(garment, person).sum().backward()  # type: ignore[no-untyped-call]

    return run


def median_seconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Measure the median time of a call in seconds, including its work on a GPU."""
    times = []
    for repeat in range(WARM_UP + repeats):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if repeat >= WARM_UP:
            times.append(time.perf_counter() - start)
    return median(times)


def benchmark_training(stage: StageName, batch: int, precision: str, repeats: int) -> dict[str, float]:
    """Measure a training step of a `lite` stage at 256x192, as medians.

    step: milliseconds of the whole step. images_per_second: throughput. data_share: share of choosing, augmenting and
    moving the batch. correlation_share: share of the correlations.
    """
    fabric = Fabric(devices=1, precision=precision)  # type: ignore[arg-type]
    samples, fakes = drawn_samples(16)
    samples, fakes = samples.to(fabric.device), fakes.to(fabric.device)
    config = StageConfig(stage)
    widths = LiteConfig(person=PARSED if config.parser_based else 3)
    trainee = Trainee(Lite(widths), config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = [parameter for parameter in trainee.parameters() if parameter.requires_grad]
    wrapped, optimiser = fabric.setup(trainee, torch.optim.AdamW(trained, lr=1e-4))
    batches = Batches(samples, None if config.parser_based else fakes, AugmentConfig(), batch)
    steps = iter(range(10**9))

    def data() -> object:
        return batches.of_step(next(steps))

    def step() -> None:
        total = trainee.total(wrapped(data()))
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(total)
        optimiser.step()

    whole = median_seconds(step, repeats, fabric.device)
    with fabric.autocast():
        correlated = median_seconds(correlation_step(widths, batch, fabric.device), repeats, fabric.device)
    return {
        "step": 1000 * whole,
        "images_per_second": batch / whole,
        "data_share": median_seconds(data, repeats, fabric.device) / whole,
        "correlation_share": correlated / whole,
    }
