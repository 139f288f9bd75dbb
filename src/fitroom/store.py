"""Weights: a folder with a manifest and files; found by name or path, checked before use, written whole or not."""

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
    """A figure with the command and the data that gave it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    value: float
    data: str
    command: str
    hardware: str
    versions: str


class Manifest(BaseModel):
    """What a weights folder holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    name: str
    version: str
    network: str  # key of nets.registry.NETWORKS, or parser, or segmenter
    config: dict[str, Any]  # of that network
    align_corners: bool  # of its grid samples
    height: int = 256  # what the exported graphs take
    width: int = 192
    graphs: GraphFormat = "openvino"  # of the exported graphs
    precision: Precision = "fp32"  # of their constants; int8: of their convolutions too
    labels: int = Label.RIGHT_ARM + 1  # how many of body.Label a parser predicts; before 0.15.0 VITON's alone
    parses: bool = False  # whether the person graph's first three outputs are those of a parser
    kept: tuple[str, ...] = ()  # names of operations, regular expressions, that INT8 left in float32
    training_data: str
    terms: str
    history: tuple[str, ...] = ()  # what was done to the network since it was trained, oldest first
    files: dict[str, File]
    metrics: list[Measurement] = []


class Weights:
    """An opened weights folder: `folder` and `manifest`."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    def need_graphs(self, graphs: GraphFormat) -> None:
        """Raise WeightsError where these weights hold graphs of another kind."""
        found = self.manifest.graphs
        if found != graphs:
            raise WeightsError(
                f"{self.folder}: its graphs are for the backend {found}; load it with that one, "
                f"or export it again with: fitroom export --format {graphs} --weights {self.folder}"
            )

    def need_labels(self, labels: Iterable[Label], purpose: str) -> None:
        """Raise WeightsError where a parser does not predict labels that `purpose` needs."""
        lacking = [label.name.lower().replace("_", " ") for label in labels if label >= self.manifest.labels]
        if lacking:
            raise WeightsError(
                f"{self.folder}: this parser has no label for {', '.join(lacking)}, which {purpose} needs; "
                f"use the shipped parser, or train one with: fitroom train parser."
            )

    def file(self, name: str) -> Path:
        """Path of a file after checking it. Raises WeightsError where it is missing or its checksum is wrong."""
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
    """A folder to keep things in that can be made again, the user's own; None where it can't be made or written."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(root) / "fitroom" / part
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def shipped_names() -> list[str]:
    """Names of the weights inside the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{MANIFEST}"))


def open_weights(name_or_folder: str | Path = DEFAULT) -> Weights:
    """Open weights by shipped name or by folder. Raises WeightsError that lists what there is."""
    folder = SHIPPED / str(name_or_folder)
    if str(name_or_folder) not in shipped_names():
        folder = Path(name_or_folder)
        if not folder.exists():
            known = ", ".join(shipped_names()) or "none"
            raise WeightsError(f"{name_or_folder}: unknown weights; shipped are: {known}; or give a weights folder.")
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
    """The path of a weights folder to write. Raises OutputError where it can't be one, before any work is done."""
    folder = Path(folder)
    empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not empty and not (folder / MANIFEST).is_file():
        raise OutputError(f"{folder}: exists and holds no weights; name a new folder.")
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"{folder}: the folder {folder.absolute().parent} does not exist; make it first.")
    return folder


@contextmanager
def save_weights(folder: str | Path, manifest: Manifest) -> Iterator[Path]:
    """Yield a temporary folder to put the files of weights into; it then takes the place of `folder`.

    The manifest's checksums are computed afterwards. Raises OutputError where `folder` exists and is no weights folder,
    or can't be written; nothing is left behind then.
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
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder}: can't be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
