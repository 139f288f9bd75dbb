"""`pfafn`: the published PF-AFN try-on network, exactly (Ge et al., CVPR 2021)."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from fitroom.nets.generator import Generator
from fitroom.nets.interface import Dressed, Features, Part, TryOnNetwork, compose, unrounded
from fitroom.nets.narrow import narrow
from fitroom.nets.sampling import sample
from fitroom.nets.warp import Warp

Dialect = Literal["official", "lzhms"]


@dataclass(frozen=True)
class PfafnConfig:
    """Dialect and widths of `pfafn`; the defaults are the published network."""

    dialect: Dialect = "official"  # official: mean correlation, align_corners; lzhms: sum, no align_corners
    encoder: tuple[int, ...] = (64, 128, 256, 256, 256)  # channels at 1/2 ... 1/32
    pyramid: int = 256  # channels of every pyramid level
    heads: tuple[int, int, int] = (128, 64, 32)  # channels inside each flow head
    generator: int = 64  # channels of the generator's first level
    person: int = 3  # channels of the person input: RGB, followed by a teacher's other channels
    widths: dict[str, tuple[int, int]] = field(default_factory=dict)  # channels in and out of pruned layers, by name


class Pfafn(TryOnNetwork):
    """The published network; see `interface.TryOnNetwork`. Garments are multiplied by their masks first."""

    name = "pfafn"
    person_maps = 5

    def __init__(self, config: PfafnConfig | None = None) -> None:
        super().__init__()
        config = config or PfafnConfig()
        self.config = config
        self.person_channels = config.person
        self.align_corners = config.dialect == "official"
        self.warp = Warp(
            config.encoder,
            config.pyramid,
            config.heads,
            mean=config.dialect == "official",
            align_corners=self.align_corners,
            inputs=config.person,
        )
        self.generator = Generator(config.generator, config.person + 4)
        narrow(self, config.widths)

    def parts(self) -> dict[str, tuple[Part, ...]]:
        """See `TryOnNetwork`."""
        warp, inputs = self.warp, (self.config.person, 3)
        sides = ((warp.person_encoder, warp.person_pyramid), (warp.garment_encoder, warp.garment_pyramid))
        encoders = {
            name: (Part(nn.Sequential(*side), ((1, channels, 64, 64),), tuple(side[1].smooth)),)
            for name, side, channels in zip(("warp.person", "warp.garment"), sides, inputs, strict=True)
        }
        flow = tuple(
            Part(head, ((1, head[0].in_channels, 8, 8),), (head[-1],))
            for head in (*warp.flow.matching, *warp.flow.refinement)
        )
        generator = Part(self.generator, ((1, self.config.person + 4, 64, 64),), (self.generator.leave,))
        return {**encoders, "warp.flow": flow, "generator": (generator,)}

    def person_features(self, person: Tensor) -> Features:
        """See `TryOnNetwork`."""
        return self.warp.person_features(person)

    def garment_features(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """See `TryOnNetwork`."""
        return self.warp.garment_features(garment * garment_mask)

    def flows(self, person_features: Features, garment_features: Features) -> tuple[Tensor, ...]:
        """See `TryOnNetwork`."""
        return self.warp.flow(person_features, garment_features)  # type: ignore[no-any-return]

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
        warped = sample(garment * garment_mask, flow, self.align_corners)
        warped_mask = sample(garment_mask, flow, self.align_corners, padding="zeros")
        raw = self.generator(torch.cat([person, warped, warped_mask], dim=1))
        rendered = torch.tanh(unrounded(raw[:, :3]))
        composition = torch.sigmoid(unrounded(raw[:, 3:])) * warped_mask
        # the published network redraws the whole picture
        change = torch.ones_like(composition)
        look = compose(person[:, :3], warped, rendered, composition, change)
        return Dressed(look, flow, warped, warped_mask, rendered, composition, change)
