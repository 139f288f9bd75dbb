"""`lite`: a try-on network for CPUs, which works mostly at a quarter of the size and below.

Warp: person and garment have a feature pyramid each. A global affine flow is refined from 1/32 to 1/4, twice at all but
the coarsest level as in PF-AFN, with correlation at 1/16 and 1/8. Learned convex weights upsample the result (RAFT,
Teed and Deng, ECCV 2020, section 3.3).
Generator: a U-Net that also reads the person's features, and predicts a change mask besides PF-AFN's outputs.
"""

from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.nets.correlation import correlation
from fitroom.nets.interface import Dressed, Features, Part, TryOnNetwork, compose, unrounded
from fitroom.nets.narrow import narrow
from fitroom.nets.sampling import sample

CORRELATED = (1, 2)  # levels of the pyramid, 1/8 and 1/16, whose features are correlated


@dataclass(frozen=True)
class LiteConfig:
    """Widths of `lite`, in channels."""

    stem: int = 16  # at 1/2
    encoder: tuple[int, int, int, int] = (32, 64, 128, 128)  # at 1/4, 1/8, 1/16, 1/32
    pyramid: int = 48  # every level of the pyramids, which correlation and flow heads read
    passes: tuple[int, int, int, int] = (1, 2, 2, 2)  # refinements of the flow at 1/32, 1/16, 1/8, 1/4
    heads: tuple[int, ...] = (128, 96, 96, 64, 80, 32, 48)  # flow heads, one per pass, coarsest first
    generator: tuple[int, int, int, int] = (24, 48, 80, 128)  # at 1/2, 1/4, 1/8, 1/16
    person: int = 3  # person input: RGB, followed by a teacher's other channels
    # channels of zeros after each correlation: WebGPU is wrong if input channels are divisible by 3 but not by 4
    empty: int = 0
    widths: dict[str, tuple[int, int]] = field(default_factory=dict)  # channels in and out of pruned layers, by name


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Make a 3x3 convolution with batch norm (folded on export) and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width, H, W) to the same shape."""
        return F.relu(x + self.second(self.first(x)))


class Encoder(nn.Module):
    """Encoder to a feature pyramid: four maps of `pyramid` channels from 1/4 to 1/32, coarse levels added to fine."""

    def __init__(self, inputs: int, config: LiteConfig) -> None:
        super().__init__()
        widths = config.encoder
        self.stem = convolution(inputs, config.stem, stride=2)
        self.levels = nn.ModuleList(
            nn.Sequential(convolution(before, width, stride=2), Residual(width))
            for before, width in zip((config.stem, *widths[:-1]), widths, strict=True)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, config.pyramid, 1) for width in widths)
        self.smooth = nn.ModuleList(convolution(config.pyramid, config.pyramid) for _ in widths)

    def forward(self, x: Tensor) -> Features:
        """Return the feature maps of pictures (N, inputs, H, W), finest first."""
        x = self.stem(x)
        maps = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        pyramid: list[Tensor] = []
        for x, lateral, smooth in zip(reversed(maps), reversed(self.lateral), reversed(self.smooth), strict=True):
            merged = lateral(x)
            if pyramid:
                merged = merged + F.interpolate(pyramid[-1], scale_factor=2.0, mode="nearest")
            pyramid.append(smooth(merged))
        return tuple(reversed(pyramid))


def identity_grid(like: Tensor) -> Tensor:
    """Return the sampling grid of pixel centres for align_corners=False, (1, 2, H, W), x then y."""
    height, width = (int(side) for side in like.shape[-2:])
    x = (torch.arange(width, dtype=torch.float32, device=like.device) * 2 + 1) / width - 1
    y = (torch.arange(height, dtype=torch.float32, device=like.device) * 2 + 1) / height - 1
    return torch.stack([x.expand(height, width), y.unsqueeze(1).expand(height, width)]).unsqueeze(0)


class FlowHead(nn.Module):
    """Head that predicts a change of the flow from person features, garment features and the current flow.

    The initial prediction is zero.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(convolution(inputs, width), convolution(width, width))
        self.out = nn.Conv2d(width, 2, 3, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the change of the flow (N, 2, H, W), in units of [-1, 1], and the last features."""
        features = self.body(x)
        return unrounded(self.out(features)) * 0.1, features


class ConvexUpsample(nn.Module):
    """Upsampling of a flow: each fine vector is a convex mix of the 3x3 coarse ones around it, with learned weights."""

    def __init__(self, width: int, factor: int = 4) -> None:
        super().__init__()
        self.factor = factor
        self.weights = nn.Conv2d(width, 9 * factor * factor, 1)

    def forward(self, flow: Tensor, features: Tensor) -> Tensor:
        """Upsample a flow (N, 2, H, W) by `factor`, with weights from features (N, width, H, W)."""
        batch, _, height, width = (int(side) for side in flow.shape)
        weights = unrounded(self.weights(features)).reshape(batch, 9, self.factor**2, height, width).softmax(dim=1)
        padded = F.pad(flow, (1, 1, 1, 1), mode="replicate")
        mixed = torch.zeros_like(weights[:, 0]).unsqueeze(1)
        for index in range(9):
            dy, dx = divmod(index, 3)
            neighbour = padded[:, :, dy : dy + height, dx : dx + width].unsqueeze(2)  # (N, 2, 1, H, W)
            mixed = mixed + neighbour * weights[:, index].unsqueeze(1)
        return F.pixel_shuffle(mixed.reshape(batch, 2 * self.factor**2, height, width), self.factor)


class Warp(nn.Module):
    """Warp network: appearance flow from two pyramids."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        pair = 2 * config.pyramid
        self.glance = nn.Sequential(convolution(pair, 64), convolution(64, 64))
        self.affine = nn.Linear(64, 6)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)
        # pyramid level of each pass; 3 is 1/32
        self.levels = tuple(3 - step for step, passes in enumerate(config.passes) for _ in range(passes))
        self.heads = nn.ModuleList(
            FlowHead(pair + 2 + (49 + config.empty) * (level in CORRELATED), width)
            for level, width in zip(self.levels, config.heads, strict=True)
        )
        self.upsample = ConvexUpsample(config.heads[-1])
        self.empty = config.empty

    def forward(self, person: Features, garment: Features) -> tuple[Tensor, ...]:
        """Return the flows (N, 2, h, w) of all passes, from 1/32 to 1/4, and the last one at full size."""
        coarse_person, coarse_garment = person[3], garment[3]
        glance = self.glance(torch.cat([coarse_person, coarse_garment], dim=1)).mean(dim=(2, 3))
        affine = unrounded(self.affine(glance)).reshape(-1, 2, 3)
        identity = identity_grid(coarse_person)
        x, y = identity[:, :1], identity[:, 1:]
        a, b, c = (affine[:, :, column, None, None] for column in range(3))
        flow = identity + a * x + b * y + c
        flows: list[Tensor] = []
        features = coarse_person
        for level, head in zip(self.levels, self.heads, strict=True):
            if person[level].shape[-1] > flow.shape[-1]:
                flow = F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)
            warped = sample(garment[level], flow, align_corners=False)
            inputs = [person[level], warped, (flow - identity_grid(flow)).to(warped.dtype)]
            if level in CORRELATED:
                inputs.append(correlation(warped, person[level]) / person[level].shape[1])
                if self.empty:
                    inputs.append(torch.zeros_like(warped[:, : self.empty]))
            delta, features = head(torch.cat(inputs, dim=1))
            flow = flow + delta
            flows.append(flow)
        return (*flows, self.upsample(flow, features))


def flow_parts(warp: Warp, pyramid: int, size: int) -> tuple[Part, ...]:
    """Return the parts of a warp network that can be pruned, for pictures of `size` x `size`."""
    layer = warp.get_submodule
    flow = [Part(warp.glance, ((1, 2 * pyramid, size // 32, size // 32),), (layer("glance.1.0"),))]
    last = len(warp.heads) - 1
    for number, (level, head) in enumerate(zip(warp.levels, warp.heads, strict=True)):
        inputs = cast(nn.Conv2d, layer(f"heads.{number}.body.0.0")).in_channels
        # the upsampling reads the features of the last head
        read = ("out", "body.1.0") if number == last else ("out",)
        side = size // 4 >> level
        flow.append(Part(head, ((1, inputs, side, side),), tuple(layer(f"heads.{number}.{name}") for name in read)))
    return tuple(flow)


class Generator(nn.Module):
    """Generator of rendered person, composition mask and change mask from person, warped garment and its mask."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = config.generator
        self.enter = convolution(config.person + 4, half, stride=2)
        self.down2 = convolution(half, quarter, stride=2)
        self.mix = convolution(quarter + config.pyramid, quarter)
        self.down3 = nn.Sequential(convolution(quarter, eighth, stride=2), Residual(eighth))
        self.down4 = nn.Sequential(convolution(eighth, sixteenth, stride=2), Residual(sixteenth))
        self.up3 = convolution(sixteenth + eighth, eighth)
        self.up2 = nn.Sequential(convolution(eighth + quarter, quarter), nn.Conv2d(quarter, half, 1))
        self.up1 = nn.Sequential(convolution(half + half, half), convolution(half, half))
        self.leave = nn.Conv2d(half, 5 * 4, 3, 1, 1)

    def forward(self, person: Tensor, warped: Tensor, warped_mask: Tensor, features: Tensor) -> tuple[Tensor, ...]:
        """Return raw (N, 3), (N, 1), (N, 1) maps at full size. `features` are the person's at 1/4."""
        half = self.enter(torch.cat([person, warped, warped_mask], dim=1))
        quarter = self.mix(torch.cat([self.down2(half), features], dim=1))
        eighth = self.down3(quarter)
        x = self.down4(eighth)
        x = self.up3(torch.cat([upsampled(x), eighth], dim=1))
        x = self.up2(torch.cat([upsampled(x), quarter], dim=1))
        x = self.up1(torch.cat([upsampled(x), half], dim=1))
        out = F.pixel_shuffle(unrounded(self.leave(x)), 2)
        return out[:, :3], out[:, 3:4], out[:, 4:5]


def upsampled(x: Tensor) -> Tensor:
    """Double height and width by nearest neighbour."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Lite(TryOnNetwork):
    """The `lite` network; see `interface.TryOnNetwork`."""

    name = "lite"
    align_corners = False
    person_maps = 4

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__()
        config = config or LiteConfig()
        self.config = config
        self.person_channels = config.person
        self.person_encoder = Encoder(config.person, config)
        self.garment_encoder = Encoder(4, config)
        self.warp = Warp(config)
        self.generator = Generator(config)
        narrow(self, config.widths)

    def parts(self) -> dict[str, tuple[Part, ...]]:
        """See `TryOnNetwork`."""
        pyramid, person = self.config.pyramid, self.config.person
        flow = flow_parts(self.warp, pyramid, 64)
        encoders = {
            name: (Part(encoder, ((1, channels, 64, 64),), tuple(smooth[0] for smooth in encoder.smooth)),)  # type: ignore[index]
            for name, encoder, channels in (
                ("warp.person", self.person_encoder, person),
                ("warp.garment", self.garment_encoder, 4),
            )
        }
        shapes = ((1, person, 64, 64), (1, 3, 64, 64), (1, 1, 64, 64), (1, pyramid, 16, 16))
        generator = Part(self.generator, shapes, (self.generator.leave,))
        return {**encoders, "warp.flow": flow, "generator": (generator,)}

    def person_features(self, person: Tensor) -> Features:
        """See `TryOnNetwork`."""
        return self.person_encoder(person)  # type: ignore[no-any-return]

    def garment_features(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """See `TryOnNetwork`."""
        return self.garment_encoder(torch.cat([garment * garment_mask, garment_mask], dim=1))  # type: ignore[no-any-return]

    def flows(self, person_features: Features, garment_features: Features) -> tuple[Tensor, ...]:
        """See `TryOnNetwork`."""
        return self.warp(person_features, garment_features)  # type: ignore[no-any-return]

    def generate(
        self,
        person: Tensor,
        garment: Tensor,
        garment_mask: Tensor,
        flow: Tensor,
        person_features: Features,
        garment_features: Features = (),
    ) -> Dressed:
        """See `TryOnNetwork`."""
        warped = sample(garment, flow, self.align_corners)
        warped_mask = sample(garment_mask, flow, self.align_corners, padding="zeros")
        raw, composition, change = self.generator(person, warped * warped_mask, warped_mask, person_features[0])
        rendered = torch.tanh(raw)
        composition = torch.sigmoid(composition) * warped_mask
        change = torch.sigmoid(change)
        look = compose(person[:, :3], warped, rendered, composition, change)
        return Dressed(look, flow, warped, warped_mask, rendered, composition, change)
