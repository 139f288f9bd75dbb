"""Defines array types and the picture size of the networks."""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Array = NDArray[np.float32]
HEIGHT, WIDTH = 256, 192
