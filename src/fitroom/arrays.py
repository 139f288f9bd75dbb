"""Types of arrays, and the size of the pictures that networks see."""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Array = NDArray[np.float32]
HEIGHT, WIDTH = 256, 192
