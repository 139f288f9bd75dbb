"""Opens, checks and writes weights: folders with a manifest and files."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from fitroom.body import Label
from fitroom.errors import OutputError, WeightsError

FORMAT = 2
GraphFormat = Literal["openvino", "onnx"]
Precision = Literal["fp32", "fp16", "int8"]
MANIFEST = "manifest.json"
SHIPPED = Path(__file__).parent / "weights"
DEFAULT = "lite"


class File(BaseModel):
    """Checksum and size of one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int


class Measurement(BaseModel):
    """A figure, with the data and the command that produced it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    value: float
    data: str
    command: str
    hardware: str
    versions: str


class Manifest(BaseModel):
    """Contents and origin of a weights folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    name: str
    version: str
    network: str  # key of nets.registry.NETWORKS, or parser, or segmenter
    config: dict[str, Any]  # the network's settings
    align_corners: bool  # in every grid sample of the network
    height: int = 256  # of the graphs' input pictures, in pixels
    width: int = 192
    graphs: GraphFormat = "openvino"  # format of the exported graphs
    precision: Precision = "fp32"  # of the graphs' constants; int8: of their convolutions too
    labels: int = Label.RIGHT_ARM + 1  # number of labels of a parser; the default is VITON's 14, as before 0.15.0
    parses: bool = False  # whether the person graph's first three outputs are a parser's
    kept: tuple[str, ...] = ()  # regular expressions of operations that INT8 left in float32
    training_data: str
    terms: str
    history: tuple[str, ...] = ()  # changes to the network since training, oldest first
    files: dict[str, File]
    metrics: list[Measurement] = []


class Weights:
    """An opened weights folder."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    def need_graphs(self, graphs: GraphFormat) -> None:
        """Raise WeightsError if these weights hold graphs in another format."""
        found = self.manifest.graphs
        if found != graphs:
            raise WeightsError(
                f"{self.folder}: its graphs are for the backend {found}; use that backend, "
                f"or export the weights again with: fitroom export --format {graphs} --weights {self.folder}"
            )

    def need_labels(self, labels: Iterable[Label], purpose: str) -> None:
        """Raise WeightsError if this parser does not predict all of `labels`, which `purpose` needs."""
        lacking = [label.name.lower().replace("_", " ") for label in labels if label >= self.manifest.labels]
        if lacking:
            raise WeightsError(
                f"{self.folder}: this parser has no label for {', '.join(lacking)}, which {purpose} needs; "
                f"use the shipped parser, or train one with: fitroom train parser."
            )

    def file(self, name: str) -> Path:
        """Check a file and return its path. Raises WeightsError if it is missing or its checksum is wrong."""
        if name not in self.manifest.files:
            held = ", ".join(sorted(self.manifest.files))
            raise WeightsError(f"{self.folder}: no {name} in these weights (they hold {held}).")
        path = self.folder / name
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise WeightsError(f"{path}: can't be read ({error.strerror}); install the weights again.") from error
        wanted = self.manifest.files[name].sha256
        if found != wanted:
            raise WeightsError(
                f"{path}: checksum {found[:12]}... is wrong, the manifest says {wanted[:12]}...; "
                "the file is damaged: install or import the weights again."
            )
        return path


def cache_folder(part: str) -> Path | None:
    """Create and return a folder in the user's cache, or None if it can't be created or written."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(root) / "fitroom" / part
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def shipped_names() -> list[str]:
    """Return the sorted names of the weights inside the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{MANIFEST}"))


def open_weights(name_or_folder: str | Path = DEFAULT) -> Weights:
    """Open weights by shipped name or by folder.

    Raises WeightsError if the name is unknown, with a list of the shipped ones, or if the manifest is invalid.
    """
    folder = SHIPPED / str(name_or_folder)
    if str(name_or_folder) not in shipped_names():
        folder = Path(name_or_folder)
        if not folder.exists():
            known = ", ".join(shipped_names()) or "none"
            raise WeightsError(
                f"{name_or_folder}: unknown weights; give the name of shipped weights ({known}) or a weights folder."
            )
        if not folder.is_dir():
            raise WeightsError(f"{folder}: a file; weights are a folder with {MANIFEST}.")
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"{folder}: no {MANIFEST} in it; give a folder written by fitroom.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise WeightsError(f"{path}: not a manifest of this version of fitroom ({place}: {first['msg']}).") from error
    if manifest.format != FORMAT:
        raise WeightsError(f"{path}: format {manifest.format}; this version of fitroom reads format {FORMAT}.")
    return Weights(folder, manifest)


def check_weights_output(folder: str | Path) -> Path:
    """Return `folder` as a path, if weights can be written there. Raises OutputError otherwise.

    Call it before any expensive work.
    """
    folder = Path(folder)
    empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not empty and not (folder / MANIFEST).is_file():
        raise OutputError(f"{folder}: exists and holds no weights; name a new folder.")
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"{folder}: the folder {folder.absolute().parent} does not exist; make it first.")
    return folder


@contextmanager
def save_weights(folder: str | Path, manifest: Manifest) -> Iterator[Path]:
    """Yield a temporary folder for the files of weights, which replaces `folder` when the block succeeds.

    Computes checksums and writes the manifest at the end. Raises OutputError if `folder` exists and is not a weights
    folder, or can't be written. Removes the temporary folder on failure.
    """
    folder = check_weights_output(folder)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=".fitroom-", dir=folder.absolute().parent))
    except OSError as error:
        raise OutputError(f"{folder}: can't be written ({error.strerror}).") from error
    try:
        temporary.chmod(0o755)
        yield temporary
        files = {}
        for path in sorted(temporary.iterdir()):
            with path.open("rb") as stream:
                files[path.name] = File(
                    sha256=hashlib.file_digest(stream, "sha256").hexdigest(), bytes=path.stat().st_size
                )
        complete = manifest.model_copy(update={"files": files})
        (temporary / MANIFEST).write_text(complete.model_dump_json(indent=2) + "\n")
        replaced = temporary.with_name(f"{temporary.name}.old")
        if folder.exists():
            folder.rename(replaced)
        temporary.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{folder}: can't be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
