"""Read and write the files of a run: by path, or by fsspec URL (s3://, gs://, memory:// ...)."""

import re
import shutil
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from fitroom.arrays import Picture
from fitroom.errors import DataError, ImageError, InputError, MissingExtraError, OutputError
from fitroom.photo.encode import encode_picture, save_picture

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
SCRATCH = ".part"  # folder for pictures that are being written
LONGEST = 80  # characters of a file name


def is_url(name: str) -> bool:
    """Return whether a name is a URL and not a path."""
    return "://" in name


def file_system(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL and the path in it. Raises MissingExtraError, InputError."""
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(
            f"{url}: URLs need fsspec; install it with: pip install -c constraints.txt '.[batch]'"
        ) from error
    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        raise InputError(f"{url}: can't be opened ({error}).") from error


def source(name: str) -> str | bytes:
    """Return a source for `decode.read`: a path unchanged, or the bytes at a URL. Raises ImageError."""
    if not name:
        raise ImageError("the pair list has an empty picture name.")
    if not is_url(name):
        return name
    system, path = file_system(name)
    try:
        return bytes(system.cat_file(path))
    except Exception as error:  # every file system raises its own errors
        raise ImageError(f"{name}: can't be read ({type(error).__name__}: {error}).") from error


def list_pictures(folder: str) -> list[str]:
    """List the pictures in a folder or URL and in its subfolders, sorted. Raises DataError if there are none."""
    if is_url(folder):
        system, path = file_system(folder)
        found = [system.unstrip_protocol(name) for name in system.find(path)]
    else:
        if not Path(folder).is_dir():
            raise DataError(f"{folder}: no such folder.")
        found = [str(path) for path in Path(folder).rglob("*") if path.is_file()]
    pictures = sorted(name for name in found if name.lower().endswith(ENDINGS))
    if not pictures:
        raise DataError(f"{folder}: no picture in it; need files that end in {', '.join(ENDINGS)}.")
    return pictures


def write_look(picture: Picture, root: str, name: str) -> None:
    """Write a look below a folder or URL, completely or not at all. Raises OutputError."""
    if not is_url(root):
        path, scratch = Path(root) / name, Path(root) / SCRATCH
        try:
            for folder in (path.parent, scratch):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: can't be made ({error.strerror}).") from error
        save_picture(picture, path, scratch)
        return
    data = encode_picture(picture, "." + name.rpartition(".")[2])
    system, path_in = file_system(f"{root.rstrip('/')}/{name}")
    try:
        system.makedirs(path_in.rpartition("/")[0], exist_ok=True)
        # object stores show an object only when it is complete
        system.pipe_file(path_in, data)
    except Exception as error:
        raise OutputError(f"{root}/{name}: can't be written ({type(error).__name__}: {error}).") from error


def sweep(root: str) -> None:
    """Remove incomplete files that killed workers left below a folder."""
    if not is_url(root):
        shutil.rmtree(Path(root) / SCRATCH, ignore_errors=True)


class FileNames:
    """Safe and distinct file names for a list of names.

    A safe and unique name stays as it is. Any other is made safe and gets a digest of `whole(number)`, which
    distinguishes equal names. File names are computed on access, since lists may be long.
    """

    def __init__(self, names: Sequence[str], whole: Callable[[int], str]) -> None:
        self.names, self.whole = names, whole
        marks = np.fromiter((self.mark(name) for name in names), np.uint64, len(names))
        marks, counts = np.unique(marks, return_counts=True)
        self.shared = set(marks[counts > 1].tolist())

    def __getitem__(self, number: int) -> str:
        name = self.names[number]
        if safe(name) == name and self.mark(name) not in self.shared:
            return name
        return f"{safe(name)}-{digest(self.whole(number), 5).hex()}"

    @staticmethod
    def mark(name: str) -> int:
        """Return a hash that is equal for names that a case-insensitive file system treats as one."""
        return int.from_bytes(digest(safe(name).lower(), 8))


def stem_of(path: str) -> str:
    """Return the file name of a path or URL, without its suffix."""
    name = re.split(r"[/\\]", path)[-1]
    return name.rpartition(".")[0] or name


def safe(name: str) -> str:
    """Return a name that is valid on every file system.

    It has only letters, digits, dots, dashes and underscores, no leading dot, and at most LONGEST characters.
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[:LONGEST] or "_"


def digest(text: str, size: int) -> bytes:
    """Return a digest of a text, `size` bytes. File names may contain bytes that are not valid text."""
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=size).digest()
