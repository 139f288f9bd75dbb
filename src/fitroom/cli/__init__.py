"""The command line: thin callers of the library, one clear sentence for every error."""

from fitroom.cli import batch, benchmark, compress, data, deploy, looks, measure, reproduce, serve, train
from fitroom.cli.base import main

__all__ = [
    "batch",
    "benchmark",
    "compress",
    "data",
    "deploy",
    "looks",
    "main",
    "measure",
    "reproduce",
    "serve",
    "train",
]
