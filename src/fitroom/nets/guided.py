"""The guided network: dresses persons without ever seeing what they wore before.

A human parser guides it: its labels and key points say where a garment may lie (`guidance.edit_region`), and draw the
body. The warp network (`body_warp`) and the painter (`painter`) see the body, the photo without that region, and the
garment.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from fitroom.body import FOUND
from fitroom.nets.body_warp import GuidedWarp, WarpConfig
from fitroom.nets.guidance import (
    WARP_CHANNELS,
    body_maps,
    body_template,
    edit_region,
    grouped,
    hair_kept,
    old_garment,
    paint_maps,
    warp_maps,
)
from fitroom.nets.interface import Dressed, Features, Part, TryOnNetwork, compose
from fitroom.nets.lite import flow_parts
from fitroom.nets.narrow import narrow
from fitroom.nets.painter import PaintConfig, Painter, carried_on, kept_own, own_classes, softened, softmax
from fitroom.nets.parser import STRIDE, Parser, ParserConfig, key_points, likeliest
from fitroom.nets.sampling import sample


@dataclass(frozen=True)
class GuidedConfig:
    """Settings of the three networks."""

    parser: ParserConfig = field(default_factory=ParserConfig)
    warp: WarpConfig = field(default_factory=WarpConfig)
    paint: PaintConfig = field(default_factory=PaintConfig)
    widths: dict[str, tuple[int, int]] = field(default_factory=dict)  # of layers that were pruned: channels in and out


class Guided(TryOnNetwork):
    """See `interface.TryOnNetwork`.

    The features of a person are, in this order: what a parser gives (`graphs.ParserGraph`), the warp network's four
    maps, the painter's first features (N, C, H/2, W/2), the region where the look may differ (N, 1, H, W), with a soft
    edge, and `painter.own_classes`.
    """

    name = "guided"
    align_corners = False
    person_maps = 10
    parses = True

    def __init__(self, config: GuidedConfig | None = None) -> None:
        super().__init__()
        config = config or GuidedConfig()
        self.config = config
        self.parser = Parser(config.parser)
        self.warp = GuidedWarp(config.warp)
        self.painter = Painter(config.paint)
        narrow(self, config.widths)

    def parts(self) -> dict[str, tuple[Part, ...]]:
        """See `interface.TryOnNetwork`. The parser stays as it is."""
        config, layer = self.config.warp, self.get_submodule
        encoders = {
            f"warp.{side}": (
                Part(encoder, ((1, channels, 32, 32),), tuple(smooth[0] for smooth in encoder.smooth)),  # type: ignore[index]
            )
            for side, encoder, channels in (
                ("person", self.warp.person_encoder, WARP_CHANNELS),
                ("garment", self.warp.garment_encoder, 4),
            )
        }
        half = self.config.paint.widths[0]
        painter = Part(
            self.painter,
            ((1, half, 32, 32), (1, 3, 64, 64), (1, 1, 64, 64)),
            (layer("painter.leave"), layer("painter.enter_garment")),
        )
        flow = flow_parts(self.warp.warp, config.pyramid, 32)
        return {**encoders, "warp.flow": flow, "generator": (painter,)}

    def person_features(self, person: Tensor) -> Features:
        """Parse persons (N, 3, H, W) and encode them."""
        height, width = (int(side) for side in person.shape[-2:])
        parsed = self.parser(person)
        points = key_points(parsed.points, self.parser.calibration)
        coarse = grouped(softmax(parsed.coarse))
        shares, half = (
            F.interpolate(coarse, scale_factor=float(factor), mode="bilinear", align_corners=False)
            for factor in (STRIDE, STRIDE // 2)
        )
        known = known_points(points)
        old = old_garment(shares, known)
        region = edit_region(shares, old, body_template(known, height, width))
        drawn = body_maps(halved_points(known), height // 2, width // 2)
        body = self.warp.person_features(warp_maps(half, drawn, F.max_pool2d(region, 2)))
        painted = region * (1 - hair_kept(shares))
        shown = self.painter.person_features(paint_maps(person, shares, painted), drawn)
        own = own_classes(shares, old)
        return (likeliest(parsed.labels), points, parsed.coarse, *body, shown, softened(painted), own)

    def garment_features(self, garment: Tensor, garment_mask: Tensor) -> Features:
        """Encode garments at half of the size; the last map is the garment, its colours carried on."""
        half = F.avg_pool2d(garment, 2), F.avg_pool2d(garment_mask, 2)
        return (*self.warp.garment_features(*half), carried_on(garment, garment_mask))

    def flows(self, person_features: Features, garment_features: Features) -> tuple[Tensor, ...]:
        """See `interface.TryOnNetwork`."""
        flows = self.warp.flows(person_features[3:7], garment_features[:4])
        return (*flows, F.interpolate(flows[-1], scale_factor=2.0, mode="bilinear", align_corners=False))

    def generate(
        self,
        person: Tensor,
        garment: Tensor,
        garment_mask: Tensor,
        flow: Tensor,
        person_features: Features,
        garment_features: Features = (),
    ) -> Dressed:
        """See `interface.TryOnNetwork`."""
        shown, region, own = person_features[-3:]
        warped = sample(garment_features[-1], flow, self.align_corners)
        warped_mask = sample(garment_mask, flow, self.align_corners, padding="zeros")
        painted = self.painter(shown, warped, warped_mask)
        change = region * (1 - kept_own(painted.layout, own))
        look = compose(person, warped, painted.rendered, painted.composition, change)
        return Dressed(look, flow, warped, warped_mask, painted.rendered, painted.composition, change)


def known_points(points: Tensor) -> Tensor:
    """Key points (N, 18, 3) with the confidence 0 where it is below FOUND."""
    sure = torch.where(points[..., 2:] >= FOUND, points[..., 2:], torch.zeros_like(points[..., 2:]))
    return torch.cat([points[..., :2], sure], dim=2)


def halved_points(points: Tensor) -> Tensor:
    """Key points (N, 18, 3) in pixels of half of the size."""
    return torch.cat([(points[..., :2] + 0.5) / 2 - 0.5, points[..., 2:]], dim=2)
