"""Patch discriminator and adversarial losses.

With L1 alone, a network blurs outlines and bare arms that it can't predict.

The discriminator is a PatchGAN (Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR
2017, section 3.2.2) with hinge losses and spectral norm (Miyato et al., "Spectral Normalization for GANs", ICLR 2018).
Its features serve as a perceptual loss (Wang et al., "High-Resolution Image Synthesis with Conditional GANs", CVPR
2018, equation 4). Both networks learn in one step, from one sum of losses. The discriminator does not ship.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS = (16, 32, 64, 96)
# the discriminator's learning rate, as a multiple of the network's: it must learn faster (Heusel et al., NeurIPS 2017)
PACE = 4.0
BETAS = (0.0, 0.99)


class Discriminator(nn.Module):
    """Discriminator of pictures (N, 3, H, W) in [-1, 1].

    Its verdicts (N, 1, H/8, W/8) are above 0 where a patch of 54 pixels looks real.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        layers = []
        for number, (before, width) in enumerate(zip((3, *widths[:-1]), widths, strict=True)):
            kernel, stride = (4, 2) if number < 3 else (3, 1)
            layers.append(nn.Sequential(spectral_norm(nn.Conv2d(before, width, kernel, stride, 1)), nn.LeakyReLU(0.2)))
        self.layers = nn.ModuleList(layers)
        self.verdict = nn.Conv2d(widths[-1], 1, 3, 1, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of every layer, finest first, followed by the verdicts."""
        maps = []
        for layer in self.layers:
            picture = layer(picture)
            maps.append(picture)
        return (*maps, self.verdict(picture))


class Adversary(nn.Module):
    """The discriminator, with the losses of both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.discriminator = Discriminator()

    def forward(self, look: Tensor, photo: Tensor, where: Tensor, alike: Tensor | None = None) -> dict[str, Tensor]:
        """Compute the losses of looks and photographs (N, 3, H, W). `where` (N, 1, H, W) in [0, 1] weights the patches.

        "adversarial" and "matching" train only the network, "discriminator" only the discriminator. `alike`
        (N, 1, 1, 1) is 1 where a look should match its photograph, and 0 where it should only look real; the
        photographs of the latter are not used. By default, all looks should match.
        """
        told = self.discriminator(torch.cat([photo, look.detach()]))
        with frozen(self.discriminator):
            *maps, verdict = self.discriminator(look)
        real, fake = told[-1].float().chunk(2)
        alike = torch.ones_like(where[:, :, :1, :1]) if alike is None else alike
        matched = where * alike
        # real and fake pictures count the same, even if only few of the judged looks have a photograph
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
    """Return the mean over samples of each sample's mean of values (N, 1, h, w), weighted by `where` (N, 1, H, W).

    A sample whose weights are all 0 counts as 0.
    """
    weight = F.adaptive_avg_pool2d(where, values.shape[-2:])  # type: ignore[arg-type]
    sums = (values.float() * weight).sum(dim=(1, 2, 3))
    return (sums / (weight.sum(dim=(1, 2, 3)) + 1)).mean()


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Freeze a module's parameters within the block. Gradients still flow through the module to its inputs."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
