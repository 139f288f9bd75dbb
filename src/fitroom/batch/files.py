"""Files of a run: on this machine or a shared disk by path, elsewhere by fsspec URL (s3://, gs://, memory:// ...)."""

import re
import shutil
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from typing import Any

from fitroom.errors import DataError, ImageError, InputError, MissingExtraError, OutputError
from fitroom.images import Picture
from fitroom.output import encode_picture, save_picture

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
SCRATCH = ".part"  # folder of pictures that are being written
LONGEST = 80  # characters of a file's name


def is_url(name: str) -> bool:
    """Whether a name is a URL, not a path."""
    return "://" in name


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it. Raises MissingExtraError, InputError."""
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
    """What `images.read` takes: a path as it is, the bytes of a URL. Raises ImageError."""
    if not name:
        raise ImageError("the list names no picture here.")
    if not is_url(name):
        return name
    system, path = file_system(name)
    try:
        return bytes(system.cat_file(path))
    except Exception as error:  # every file system has errors of its own
        raise ImageError(f"{name}: can't be read ({type(error).__name__}: {error}).") from error


def list_pictures(folder: str) -> list[str]:
    """Pictures in a folder or URL and below, sorted. Raises DataError."""
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
    """Write a look below a folder or URL, whole or not at all. Raises OutputError."""
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
        # object stores show an object when it is whole
        system.pipe_file(path_in, data)
    except Exception as error:
        raise OutputError(f"{root}/{name}: can't be written ({type(error).__name__}: {error}).") from error


def sweep(root: str) -> None:
    """Remove what killed workers left half-written below a folder."""
    if not is_url(root):
        shutil.rmtree(Path(root) / SCRATCH, ignore_errors=True)


def file_names(paths: list[str], more: list[str] | None = None) -> list[str]:
    """A file name for each of some paths, without ending: its own, made safe, with a digest where that is not enough.

    `more` tells apart what has the same path.
    """
    stems = [re.split(r"[/\\]", path)[-1] for path in paths]
    stems = [stem.rpartition(".")[0] or stem for stem in stems]
    # some file systems don't tell cases apart
    shared = Counter(safe(stem).lower() for stem in stems)
    names = []
    for stem, path, rest in zip(stems, paths, more or [""] * len(paths), strict=True):
        own = safe(stem) == stem and shared[stem.lower()] == 1
        names.append(stem if own else f"{safe(stem)}-{short_digest(path + rest)}")
    return names


def safe(name: str) -> str:
    """A name for every file system: letters, digits, dot, dash and underline, not too many, and no dot ahead."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[:LONGEST] or "_"


def short_digest(name: str) -> str:
    """Ten hexadecimal digits of a name."""
    return blake2b(name.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest()
