"""The first training recipe for `lite`: restore photos from cut-and-paste fakes, garment given.

Two phases share one optimiser schedule each: the warp network alone, then warp and generator together. This needs no
teacher; PF-AFN's four stages come after it.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fitroom.errors import FitroomError
from fitroom.nets.lite import Lite, LiteConfig
from fitroom.train.losses import change_target, gradient_difference, warp_losses
from fitroom.train.sources import Source

Array = NDArray[np.uint8]


@dataclass(frozen=True)
class RestoreConfig:
    """Settings of the recipe."""

    warp_minutes: float = 30.0  # phase 1, warp network alone
    joint_minutes: float = 50.0  # phase 2, everything
    batch: int = 16  # samples a step
    learning_rate: float = 6e-4  # AdamW, at its highest; half of it in phase 2
    weight_decay: float = 1e-4  # AdamW
    average: float = 0.998  # decay of the exponential moving average that is kept
    own_garment: int = 4  # photos beside each batch that wear the garment already: they teach the warp alone
    synthetic_share: float = 0.2  # of each batch, where synthetic samples are given
    bfloat16: bool = True  # autocast the convolutions
    seed: int = 0  # of weights and sampling
    weights: dict[str, float] = field(
        default_factory=lambda: {  # of the losses, by name
            "garment": 1.0,
            "mask": 3.0,
            "smoothness": 0.04,
            "look": 2.0,
            "rendered": 1.0,
            "gradients": 1.0,
            "composition": 1.5,
            "change": 1.5,
        }
    )


@dataclass(frozen=True)
class Batch:
    """Tensors of one step; pictures in [-1, 1], masks in [0, 1]."""

    fake: Tensor
    photo: Tensor
    worn: Tensor
    garment: Tensor
    garment_mask: Tensor
    restored: int  # the first so many are fakes to restore; the rest are photos in their own garment


def random_affine(rng: np.random.Generator, height: int, width: int, flip: bool) -> NDArray[np.float64]:
    """Matrix (2, 3) from target to source pixels: scaled by 8 %, turned by 3 degrees, shifted by 4 % at most."""
    angle, factor = np.deg2rad(rng.uniform(-3, 3)), 1 + rng.uniform(-0.08, 0.08)
    turn = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn[:, 0] *= -1 if flip else 1
    centre = np.array([width - 1, height - 1]) / 2
    shift = centre - turn @ centre + rng.uniform(-0.04, 0.04, 2) * (width, height)
    return np.concatenate([turn, shift[:, None]], axis=1)


def move(picture: Array, matrix: NDArray[np.float64]) -> Array:
    """Resample (H, W[, 3]) through a matrix from target to source pixels, the border repeated."""
    size = picture.shape[1], picture.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def to_tensor(rows: Array) -> Tensor:
    """uint8 (n, H, W[, C]) to float (n, C, H, W): pictures to [-1, 1], masks to [0, 1]."""
    tensor = torch.from_numpy(rows)
    if tensor.ndim == 3:
        return tensor.unsqueeze(1).float() / 255
    return tensor.permute(0, 3, 1, 2).float() / 127.5 - 1


def batches(sources: list[Source], config: RestoreConfig) -> Iterator[Batch]:
    """Endless augmented batches; the first source is the main one, a second gives `synthetic_share`."""
    rng = np.random.default_rng(config.seed)
    shares = [config.batch]
    if len(sources) > 1:
        synthetic = round(config.batch * config.synthetic_share)
        shares = [config.batch - synthetic, synthetic]
    while True:
        rows = [
            augmented(source, source.fakes[rng.integers(len(source.fakes))][row], row, rng)
            for source, count in zip(sources, shares, strict=True)
            for row in rng.choice(len(source), count, replace=False)
        ]
        own = rng.choice(len(sources[0]), config.own_garment, replace=False)
        rows += [augmented(sources[0], sources[0].photo[row], row, rng) for row in own]
        fake, photo, worn, garment, mask = (to_tensor(np.stack(arrays)) for arrays in zip(*rows, strict=True))
        yield Batch(fake, photo, worn, garment, (mask > 0.5).float(), config.batch)


def augmented(source: Source, shown: Array, row: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """One sample: the picture shown, the photo and where the garment is worn, moved alike; garment and mask, alike."""
    height, width = source.worn.shape[1:]
    flip = rng.random() < 0.5
    person = random_affine(rng, height, width, flip)
    flat = random_affine(rng, height, width, flip)
    moved = [move(picture, person) for picture in (shown, source.photo[row], source.worn[row])]
    moved += [move(picture, flat) for picture in (source.garment[row], source.garment_mask[row])]
    return tuple(moved)


def losses(network: Lite, batch: Batch, joint: bool) -> dict[str, Tensor]:
    """Every loss of one batch by name; without `joint` those of the warp network alone."""
    person = network.person_features(batch.fake)
    flows = network.warp(person, network.garment_features(batch.garment, batch.garment_mask))
    total: dict[str, Tensor] = {}
    # coarse levels see blurred pictures and count less; the finest is taken at half size
    half = F.interpolate(flows[-1], scale_factor=0.5, mode="bilinear", align_corners=False)
    for flow, share in zip((*flows[:-1], half), (0.1, 0.2, 0.4, 0.6, 1.0), strict=True):
        for name, value in warp_losses(flow, batch.garment, batch.garment_mask, batch.photo, batch.worn).items():
            total[name] = total.get(name, 0) + share * value  # type: ignore[assignment]
    if not joint:
        return total
    # a photo in its own garment would teach the generator to copy what is there
    fakes = slice(batch.restored)
    fake, photo, worn, features = batch.fake[fakes], batch.photo[fakes], batch.worn[fakes], [x[fakes] for x in person]
    garment, garment_mask = batch.garment[fakes], batch.garment_mask[fakes]
    dressed = network.generate(fake, garment, garment_mask, flows[-1][fakes], tuple(features))
    changed = change_target(fake, photo, worn)
    emphasis = 0.5 + 1.5 * changed
    total["look"] = ((dressed.look - photo).abs() * emphasis).mean()
    total["rendered"] = ((dressed.rendered - photo).abs() * changed).mean()
    total["gradients"] = gradient_difference(dressed.look, photo)
    total["composition"] = (dressed.composition - worn * dressed.warped_mask.detach()).abs().mean()
    total["change"] = F.binary_cross_entropy(dressed.change.clamp(1e-4, 1 - 1e-4), changed)
    return total


def train(
    sources: list[Source],
    config: RestoreConfig,
    checkpoint: Path,
    network_config: LiteConfig | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Lite:
    """Run both phases and return the averaged network.

    `checkpoint` receives the averaged weights every few minutes and at the end; if it exists, training starts from it
    (warp_minutes=0 then runs the second phase alone). Raises FitroomError when a loss is not finite.
    """
    torch.manual_seed(config.seed)
    network = Lite(network_config)
    if checkpoint.exists():
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval()
    stream = batches(sources, config)
    phases = ((False, config.warp_minutes, 1.0), (True, config.joint_minutes, 0.5))
    for joint, minutes, factor in phases:
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate * factor, weight_decay=config.weight_decay, betas=(0.9, 0.99)
        )
        start = saved = time.monotonic()
        step, running = 0, {}  # type: ignore[var-annotated]
        while (elapsed := time.monotonic() - start) < minutes * 60:
            progress = elapsed / (minutes * 60)
            rate = min(1.0, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
            for group in optimiser.param_groups:
                group["lr"] = config.learning_rate * factor * rate
            with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
                values = losses(network, next(stream), joint)
            total = sum((config.weights[name] * value for name, value in values.items()), torch.zeros(()))
            if not torch.isfinite(total):
                raise FitroomError(f"step {step}: a loss is not finite ({values}); lower learning_rate.")
            optimiser.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            step += 1
            blend = min(config.average, step / (step + 20))
            with torch.no_grad():
                for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
                    mean.copy_(value if not mean.is_floating_point() else mean.lerp(value, 1 - blend))
            for name, value in values.items():
                running[name] = 0.98 * running.get(name, value.item()) + 0.02 * value.item()
            if step == 1 or step % 20 == 0:
                shown = " ".join(f"{name} {value:.4f}" for name, value in running.items())
                spent = time.monotonic() - start
                report(f"{spent / 60:5.1f} min, step {step}, {step * config.batch / spent:.1f} samples/s: {shown}")
            if time.monotonic() - saved > 180:
                save(average, checkpoint)
                saved = time.monotonic()
        save(average, checkpoint)
    return average


def save(network: Lite, path: Path) -> None:
    """Write the state dict whole or not at all."""
    temporary = path.with_suffix(".part")
    torch.save(network.state_dict(), temporary)
    temporary.replace(path)
