"""Open published feature networks that some measures need: TorchScript files by path, from the cache, or downloaded.

A file is downloaded only on request. Later calls find it in the cache.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch

from fitroom.arrays import Picture
from fitroom.errors import DataError

DOWNLOAD = "download"


@dataclass(frozen=True)
class PretrainedFile:
    """A published TorchScript file, and the option and environment variable that name its path."""

    option: str
    variable: str
    url: str
    sha256: str
    megabytes: int
    resizing: str  # how the network resizes its input
    arguments: tuple[tuple[str, bool], ...]  # keyword arguments of a call, in addition to the pictures

    @property
    def cached(self) -> Path:
        """Path of the downloaded file."""
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(root) / "fitroom" / self.url.rsplit("/", 1)[-1]

    @property
    def advice(self) -> str:
        """Text that says how to provide the file."""
        name = self.url.rsplit("/", 1)[-1]
        return (
            f"give {name} with {self.option} PATH or {self.variable}, or download it ({self.megabytes} MB) with "
            f"{self.option} {DOWNLOAD}"
        )


# Szegedy's Inception v3, which defines FID: TensorFlow's release of 2015-12-05, converted by NVIDIA
INCEPTION = PretrainedFile(
    option="--inception",
    variable="FITROOM_INCEPTION",
    url="https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
    sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
    megabytes=96,
    resizing="bilinear to 299x299 inside the Inception file",
    arguments=(("return_features", True),),
)
# VGG-16 with the linear weights of Zhang et al., "The unreasonable effectiveness of deep features as a perceptual
# metric", 2018; LPIPS is the squared distance between two outputs
LPIPS = PretrainedFile(
    option="--lpips",
    variable="FITROOM_LPIPS",
    url="https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt",
    sha256="b437eb095feaeb0b83eb3fa11200ebca4548ee39a07fb944a417ddc516cc07c3",
    megabytes=553,
    resizing="none",
    arguments=(("resize_images", False), ("return_lpips", True)),
)


def find(wanted: PretrainedFile, given: str | None) -> Path | None:
    """Find a file by the path `given`, its environment variable, or in the cache. Download it if `given` is "download".

    Returns None if there is no file. Raises DataError for a path without a file, and for a download that fails or is
    damaged.
    """
    if given == DOWNLOAD:
        return wanted.cached if wanted.cached.is_file() else download(wanted)
    named = given or os.environ.get(wanted.variable)
    if named:
        source = wanted.option if given else wanted.variable
        if not Path(named).is_file():
            raise DataError(f"{named}: no such file ({source}); {wanted.advice}.")
        return Path(named)
    return wanted.cached if wanted.cached.is_file() else None


def download(wanted: PretrainedFile) -> Path:
    """Download a file into the cache and check its SHA-256. Raises DataError."""
    try:
        wanted.cached.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(wanted.url, str(wanted.cached), hash_prefix=wanted.sha256, progress=False)
    except (URLError, OSError, RuntimeError) as error:
        raise DataError(
            f"{wanted.url}: the download failed ({error}); get the file another way and give it with "
            f"{wanted.option} PATH."
        ) from error
    return wanted.cached


class FeatureNetwork:
    """A TorchScript network that computes features of pictures."""

    def __init__(self, path: Path, published: PretrainedFile) -> None:
        self.arguments = dict(published.arguments)
        with path.open("rb") as stream:
            self.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        known = self.sha256 == published.sha256
        self.resizing = published.resizing if known else "whatever the given file does"
        self.name = (
            f"{path.name}, sha256 {self.sha256[:12]}, {'the published file' if known else 'not the published file'}"
        )
        try:
            self.network = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
            self.size = int(self([np.zeros((64, 48, 3), np.uint8)] * 2).shape[1])
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            first = str(error).strip().splitlines()[0]
            arguments = ", ".join(f"{name}={value}" for name, value in published.arguments)
            raise DataError(
                f"{path}: not a TorchScript file that takes pictures and {arguments} ({first}); {published.advice}."
            ) from error

    def __call__(self, pictures: list[Picture]) -> torch.Tensor:
        """Return features (n, size), float32, of uint8 pictures (H, W, 3) of one size."""
        batch = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32))
        with torch.inference_mode():
            return self.features(batch)

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return features (n, size) of pictures (n, 3, H, W) in [0, 255], with gradients."""
        found: torch.Tensor = self.network(pictures, **self.arguments)
        return found.reshape(len(pictures), -1)


def open_inception(given: str | None) -> FeatureNetwork | None:
    """Open the network for FID and KID; return None if there is no file. Raises DataError, see `find`."""
    path = find(INCEPTION, given)
    return None if path is None else FeatureNetwork(path, INCEPTION)


def open_lpips(given: str | None) -> FeatureNetwork | None:
    """Open the network for LPIPS; return None if there is no file. Raises DataError, see `find`."""
    path = find(LPIPS, given)
    return None if path is None else FeatureNetwork(path, LPIPS)


def lpips_distance(network: FeatureNetwork, a: Picture, b: Picture) -> float:
    """Compute LPIPS (VGG) of two pictures of one size: 0 or more, lower is more similar."""
    first, second = network([a]), network([b])
    return float((first - second).square().sum())
