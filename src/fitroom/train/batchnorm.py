"""Batch norm over all processes, so that several processes compute the same gradients as one with the whole batch."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from fitroom.nets.interface import unrounded


class Sum(torch.autograd.Function):
    """Sum of a tensor over all processes. The gradient is summed over all processes too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the sum of `x` over all processes."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the sum of the gradient over all processes."""
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d` with the statistics of all processes; PyTorch's own `nn.SyncBatchNorm` needs GPUs.

    Parameters and buffers have the same names as in `nn.BatchNorm2d`. All processes must hold equally large batches.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` (N, C, H, W) and return the same shape."""
        if not (self.training and dist.is_initialized() and dist.get_world_size() > 1):
            return super().forward(x)
        wide = unrounded(x)
        count = wide.numel() // wide.shape[1] * dist.get_world_size()
        mean = Sum.apply(wide.sum(dim=(0, 2, 3))) / count  # type: ignore[no-untyped-call]
        centred = wide - mean.view(1, -1, 1, 1)
        variance = Sum.apply(centred.square().sum(dim=(0, 2, 3))) / count  # type: ignore[no-untyped-call]
        with torch.no_grad():
            momentum = self.momentum or 0.1
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * count / (count - 1), momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)


def share_batch_norm(module: nn.Module) -> None:
    """Turn every `nn.BatchNorm2d` of a network into a `SharedBatchNorm`, in place. Parameters and names stay."""
    for child in module.modules():
        if type(child) is nn.BatchNorm2d:
            child.__class__ = SharedBatchNorm
