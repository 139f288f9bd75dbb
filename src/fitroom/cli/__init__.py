"""The command line: thin callers of the library, one clear sentence for every error."""

from fitroom.cli import data, looks, measure, train
from fitroom.cli.base import main

__all__ = ["data", "looks", "main", "measure", "train"]
