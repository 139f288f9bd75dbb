"""A patch discriminator and the losses it gives: L1 alone has outlines and bare arms blurred where it can't know them.

PatchGAN (Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, section 3.2.2)
with hinge losses and spectral norm (Miyato et al., "Spectral Normalization for GANs", ICLR 2018), and its features as a
perceptual loss (Wang et al., "High-Resolution Image Synthesis with Conditional GANs", CVPR 2018, equation 4). Both
sides learn in one step, from one sum of losses; what ships is the network alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS = (16, 32, 64, 96)
PACE = 4.0  # its learning rate in those of the network, which it has to be ahead of (Heusel et al., NeurIPS 2017)
BETAS = (0.0, 0.99)


class Discriminator(nn.Module):
    """Pictures (N, 3, H, W) in [-1, 1] to verdicts (N, 1, H/8, W/8): above 0 where a patch of 54 pixels looks real."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        layers = []
        for number, (before, width) in enumerate(zip((3, *widths[:-1]), widths, strict=True)):
            kernel, stride = (4, 2) if number < 3 else (3, 1)
            layers.append(nn.Sequential(spectral_norm(nn.Conv2d(before, width, kernel, stride, 1)), nn.LeakyReLU(0.2)))
        self.layers = nn.ModuleList(layers)
        self.verdict = nn.Conv2d(widths[-1], 1, 3, 1, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """The maps of every layer, finest first, and last the verdicts."""
        maps = []
        for layer in self.layers:
            picture = layer(picture)
            maps.append(picture)
        return (*maps, self.verdict(picture))


class Adversary(nn.Module):
    """The discriminator, and what it costs looks to be told from photographs."""

    def __init__(self) -> None:
        super().__init__()
        self.discriminator = Discriminator()

    def forward(self, look: Tensor, photo: Tensor, where: Tensor, alike: Tensor | None = None) -> dict[str, Tensor]:
        """Losses of looks and photographs (N, 3, H, W), patches weighed by `where` (N, 1, H, W) in [0, 1].

        "adversarial" and "matching" teach the network alone, "discriminator" the discriminator alone. `alike`
        (N, 1, 1, 1) is 0 for looks that should be like some photograph, but not like this one, from which the
        discriminator learns nothing; without it all should.
        """
        told = self.discriminator(torch.cat([photo, look.detach()]))
        with frozen(self.discriminator):
            *maps, verdict = self.discriminator(look)
        real, fake = told[-1].float().chunk(2)
        alike = torch.ones_like(where[:, :, :1, :1]) if alike is None else alike
        matched = where * alike
        # both kinds of picture count the same, however few photographs there are of the looks that are judged
        judged = (where.amax(dim=(1, 2, 3), keepdim=True) > 0).to(where.dtype)
        share = ((judged * alike).sum() / judged.sum().clamp(min=1)).clamp(min=1e-6)
        distances = [
            weighed((mine - theirs.detach().chunk(2)[0]).abs().mean(dim=1, keepdim=True), matched)
            for mine, theirs in zip(maps, told[:-1], strict=True)
        ]
        return {
            "adversarial": weighed(-verdict, where),
            "matching": torch.stack(distances).mean(),
            "discriminator": weighed(F.relu(1 - real), matched) / share + weighed(F.relu(1 + fake), where),
        }


def weighed(values: Tensor, where: Tensor) -> Tensor:
    """Mean over samples of the mean of values (N, 1, h, w) where `where` (N, 1, H, W) is 1; nowhere counts as 0."""
    weight = F.adaptive_avg_pool2d(where, values.shape[-2:])  # type: ignore[arg-type]
    sums = (values.float() * weight).sum(dim=(1, 2, 3))
    return (sums / (weight.sum(dim=(1, 2, 3)) + 1)).mean()


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Within, what passes through the module gets gradients, and its parameters none."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
