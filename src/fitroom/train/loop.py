"""The training loop, shared by all stages, devices and numbers of processes."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fitroom.errors import FitroomError
from fitroom.train.adversary import BETAS, PACE
from fitroom.train.batchnorm import share_batch_norm
from fitroom.train.checkpoint import Checkpoint, save

Scalars = dict[str, float]


class Learner(nn.Module, ABC):
    """A network with its losses. Called with a batch, it returns the unweighted losses by name."""

    network: Any  # has a name and a config
    adversary: Any  # a discriminator to train along with the network, or None
    stage_name: str  # stage of its checkpoints

    def frozen(self) -> list[nn.Module]:
        """Return the networks that the losses need and that are not trained."""
        return []

    @abstractmethod
    def total(self, values: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum of losses."""


class Batches(Protocol):
    """Source of the batch of any step."""

    def of_step(self, step: int, rank: int = 0, world: int = 1) -> Any:
        """Make the batch of a step, or part number `rank` of its `world` equal parts."""
        ...

    def names(self, batch: Any) -> list[str]:
        """Return the names of the files that a batch was made of."""
        ...


@dataclass(frozen=True)
class LoopConfig:
    """Settings of the loop."""

    steps: int = 8000  # total, over all sessions
    batch: int = 16  # samples per step, over all processes
    learning_rate: float = 5e-4  # peak, AdamW
    final_share: float = 0.02  # share of the peak learning rate at the end of the cosine
    warm_up: int = 200  # steps during which the learning rate rises
    weight_decay: float = 1e-4  # AdamW
    average: float = 0.998  # decay of the moving average of the weights; the average is the trained network
    clip: float = 1.0  # maximum gradient norm
    checkpoint_minutes: float = 3.0  # minutes between checkpoints
    log_every: int = 20  # steps between rows of scalars
    look_every: int = 500  # steps between pictures
    measure_every: int = 1000  # steps between measurements on the validation list
    lost_minutes: float = 15.0  # minutes of silence after which another process counts as lost
    seed: int = 0  # of sample order, changes and initial weights


@dataclass(frozen=True)
class Watch:
    """Callbacks of the loop. Only the first process calls them."""

    step: Callable[[int, Scalars], None] = lambda step, scalars: None  # losses and rate, every `log_every` steps
    look: Callable[[int, nn.Module, Any], None] = lambda step, network, batch: None  # every `look_every` steps
    measure: Callable[[int, dict[str, Tensor]], None] = lambda step, average: None  # every `measure_every` steps
    advance: Callable[[int], None] = lambda samples: None  # every step


def averaged(network: nn.Module, decay: float, started: Checkpoint | None) -> AveragedModel:
    """Make the exponential moving average of a network, or continue that of a checkpoint.

    The decay starts low and rises to `decay`.
    """

    @torch.no_grad()
    def update(mean: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        share = 1 - min(decay, int(count) / (int(count) + 20))
        if mean[0].is_floating_point():
            torch._foreach_lerp_(mean, current, share)
        else:
            torch._foreach_copy_(mean, current)

    average = AveragedModel(network, multi_avg_fn=update, use_buffers=True)  # type: ignore[arg-type]
    # start at 1, so that the average after the first step includes the initial tensors
    average.n_averaged.fill_(1 if started is None else started.step + 1)
    if started is not None:
        average.module.load_state_dict(started.average)
    return average


def rate(step: int, config: LoopConfig) -> float:
    """Return the learning rate of a step: linear warm-up, then a cosine down to `final_share` of the peak."""
    progress = min(step / config.steps, 1.0)
    cosine = config.final_share + (1 - config.final_share) * 0.5 * (1 + math.cos(math.pi * progress))
    return config.learning_rate * min(1.0, (step + 1) / max(config.warm_up, 1)) * cosine


def train(
    fabric: Fabric,
    trainee: Learner,
    batches: Batches,
    config: LoopConfig,
    folder: Path,
    watch: Watch,
    max_minutes: float | None = None,
    started: Checkpoint | None = None,
) -> Checkpoint:
    """Train until `steps` are done or `max_minutes` have passed, and return the last checkpoint.

    Training continues from `started` if given. Checkpoints are written into `folder`. Equal settings give equal steps,
    however often a run is interrupted and resumed. Raises FitroomError, naming the samples, when a loss is not finite;
    the last checkpoint is kept.
    """
    share_batch_norm(trainee.network)
    if started is not None:
        trainee.network.load_state_dict(started.tensors)
        if trainee.adversary is not None:
            trainee.adversary.load_state_dict(started.adversary)
    network = trainee.network
    trainee = trainee.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    groups = [{"params": [p for p in network.parameters() if p.requires_grad], "pace": 1.0, "betas": (0.9, 0.99)}]
    if trainee.adversary is not None:
        groups.append({"params": list(trainee.adversary.parameters()), "pace": PACE, "betas": BETAS})
    optimiser: torch.optim.Optimizer = torch.optim.AdamW(
        groups, lr=config.learning_rate, weight_decay=config.weight_decay
    )
    wrapped, optimiser = fabric.setup(trainee, optimiser)
    for frozen in trainee.frozen():
        frozen.to(fabric.device)
    if started is not None:
        optimiser.load_state_dict(started.optimiser)
    average = averaged(network, config.average, started)
    step, before = (0, 0.0) if started is None else (started.step, started.seconds)
    begun = saved = time.monotonic()

    def checkpoint() -> Checkpoint:
        spent = before + time.monotonic() - begun
        made = Checkpoint(
            trainee.stage_name,
            network.name,
            asdict(network.config),
            step,
            spent,
            network.state_dict(),
            average.module.state_dict(),
            optimiser.state_dict(),
            {} if trainee.adversary is None else trainee.adversary.state_dict(),
        )
        if fabric.is_global_zero:
            save(made, folder)
        return made

    wrapped.train()
    while step < config.steps:
        for group in optimiser.param_groups:
            group["lr"] = rate(step, config) * group["pace"]
        batch = batches.of_step(step, fabric.global_rank, fabric.world_size)
        values = wrapped(batch)
        total = trainee.total(values)
        if not torch.isfinite(total):
            raise FitroomError(not_finite(step, values, batches, batch))
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(total)
        fabric.clip_gradients(wrapped, optimiser, max_norm=config.clip, error_if_nonfinite=False)
        optimiser.step()
        step += 1
        average.update_parameters(network)
        if fabric.is_global_zero:
            watch.advance(config.batch)
            if step == 1 or step % config.log_every == 0:
                watch.step(
                    step, {name: float(value.detach()) for name, value in values.items()} | {"rate": rate(step, config)}
                )
            if step % config.look_every == 0:
                watch.look(step, network, batch)
            if step % config.measure_every == 0 and step < config.steps:
                watch.measure(step, average.module.state_dict())
        out_of_time = max_minutes is not None and time.monotonic() - begun > 60 * max_minutes
        if fabric.world_size > 1 and max_minutes is not None:
            out_of_time = bool(fabric.broadcast(out_of_time))
        if out_of_time:
            break
        if time.monotonic() - saved > 60 * config.checkpoint_minutes:
            checkpoint()
            saved = time.monotonic()
    return checkpoint()


def not_finite(step: int, values: dict[str, Tensor], batches: Batches, batch: Any) -> str:
    """Return the error message for losses that are not finite."""
    named = ", ".join(name for name, value in values.items() if not torch.isfinite(value)) or "their sum"
    files = ", ".join(batches.names(batch))
    return (
        f"step {step}: {named} is not finite; the last checkpoint is kept. Lower loop.learning_rate, or look at the "
        f"batch: {files}."
    )
