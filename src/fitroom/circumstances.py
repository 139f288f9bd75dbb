"""What a figure was measured on: written beside every figure that is kept."""

import os
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fitroom.runtime.openvino import device_name

PACKAGES = ("fitroom", "openvino", "torch", "torchmetrics", "numpy", "opencv-python-headless", "nncf", "onnxruntime")


def hardware() -> str:
    """Name of the processor, and how many cores there are."""
    return f"{device_name()}, {os.cpu_count()} cores"


def versions() -> str:
    """Versions of the packages that figures depend on, of those that are installed."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def command() -> str:
    """The command line that is running, as a shell takes it: fitroom's, or of one of the project's scripts."""
    program = Path(sys.argv[0])
    named = ["python", f"scripts/{program.name}"] if program.parent.name == "scripts" else ["fitroom"]
    return shlex.join([*named, *sys.argv[1:]])
