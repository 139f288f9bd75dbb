"""Garments registered once and kept on disk: pictures and features in files, what there is in SQLite.

A garment is there when its row is: its files are written and flushed before, and files without a row are swept away at
the next start. So one that was acknowledged survives whatever ends the process, and half of one is never seen.
"""

import io
import json
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from PIL import Image

from fitroom.errors import OutputError
from fitroom.photo import decode
from fitroom.serve.problems import Refusal
from fitroom.tryon import EncodedGarment, TryOn

PICTURE, MASK, FEATURES = "picture", "mask.png", "features.npz"
TABLE = """
create table if not exists garments (
    id text primary key, folder text not null unique, media_type text not null, sha256 text not null,
    width integer not null, height integer not null, registered real not null
) strict
"""


@dataclass(frozen=True)
class Garment:
    """What is known of a registered garment."""

    id: str
    folder: str  # below the store's
    media_type: str  # of the picture, as it was sent
    sha256: str  # of the picture
    width: int
    height: int
    registered: float  # seconds since the epoch


class Garments:
    """The registered garments of a data folder. Safe to use from several threads, and by one process at a time."""

    def __init__(self, root: Path, tryon: TryOn, megabytes: int, seen: Callable[[bool], None]) -> None:
        """Open or make a store. `seen` is told of each lookup whether it was in memory. Raises OutputError."""
        self.tryon, self.seen = tryon, seen
        self.weights = fingerprint(tryon)
        self.files = root / "garments"
        self.lock = threading.Lock()
        self.kept: LRUCache[str, EncodedGarment] = LRUCache(megabytes * 2**20, lambda garment: garment.nbytes)
        try:
            self.files.mkdir(parents=True, exist_ok=True)
            self.rows = sqlite3.connect(root / "garments.sqlite", check_same_thread=False)
            self.rows.execute("pragma journal_mode = wal")
            self.rows.execute("pragma synchronous = full")
            # a second process would sweep away what this one is writing
            self.rows.execute("pragma locking_mode = exclusive")
            with self.rows:
                self.rows.execute(TABLE)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"{root}: garments can't be kept there ({error}); name another --data-dir, or stop what uses this one."
            ) from error
        self.sweep()

    def sweep(self) -> None:
        """Remove files of garments that were never acknowledged, or were replaced."""
        known = {folder for (folder,) in self.rows.execute("select folder from garments")}
        for path in self.files.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    def put(self, name: str, picture: bytes, mask: bytes | None) -> tuple[Garment, bool]:
        """Register a garment under an id, or another one under the same; and whether the id is new.

        Raises ImageError where the picture or its mask can't be used, OutputError where it can't be kept.
        """
        encoded = self.tryon.garment(picture, mask)
        with Image.open(io.BytesIO(picture)) as opened:
            media_type, (width, height) = Image.MIME[str(opened.format)], opened.size
        garment = Garment(
            name, uuid.uuid4().hex, media_type, sha256(picture).hexdigest(), width, height, round(time.time(), 3)
        )
        folder = self.files / garment.folder
        try:
            folder.mkdir()
            write_flushed(folder / PICTURE, picture)
            if mask is not None:
                write_flushed(folder / MASK, mask)
            write_flushed(folder / FEATURES, packed(encoded, self.weights))
            flush_folder(folder)
            flush_folder(self.files)
            with self.lock, self.rows:
                before = self.row(name)
                values = (name, garment.folder, media_type, garment.sha256, width, height, garment.registered)
                self.rows.execute("insert or replace into garments values (?, ?, ?, ?, ?, ?, ?)", values)
        except (OSError, sqlite3.Error) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise OutputError(f"garment {name}: can't be kept ({error}).") from error
        with self.lock:
            self.remember(garment.folder, encoded)
        if before is not None:
            self.forget(before)
        return garment, before is None

    def get(self, name: str) -> Garment:
        """What is known of a garment. Raises Refusal where there is none of this id."""
        with self.lock:
            found = self.row(name)
        if found is None:
            raise Refusal(404, "unknown-garment", f"No garment {name}; register it with PUT /v1/garments/{name}.")
        return found

    def list(self, after: str, limit: int) -> list[Garment]:
        """Garments in the order of their ids, beginning behind one."""
        with self.lock:
            found = self.rows.execute("select * from garments where id > ? order by id limit ?", (after, limit))
            return [Garment(*row) for row in found]

    def delete(self, name: str) -> None:
        """Forget a garment, its files too. Raises Refusal where there is none of this id."""
        garment = self.get(name)
        with self.lock, self.rows:
            self.rows.execute("delete from garments where id = ? and folder = ?", (name, garment.folder))
        self.forget(garment)

    def picture(self, name: str) -> tuple[bytes, str]:
        """A garment's picture as it was sent, and its media type. Raises Refusal."""
        garment = self.get(name)
        try:
            return (self.files / garment.folder / PICTURE).read_bytes(), garment.media_type
        except FileNotFoundError:
            # deleted or replaced in between
            return self.picture(name)

    def encoded(self, name: str) -> EncodedGarment:
        """A garment ready to be worn, from memory or from disk. Raises Refusal where there is none of this id."""
        garment = self.get(name)
        with self.lock:
            found = self.kept.get(garment.folder)
        self.seen(found is not None)
        if found is not None:
            return found
        folder = self.files / garment.folder
        try:
            picture = decode.read((folder / PICTURE).read_bytes(), "garment")
            features = unpacked((folder / FEATURES).read_bytes(), self.weights)
            mask = decode.read_mask((folder / MASK).read_bytes()) if (folder / MASK).exists() else None
        except FileNotFoundError:
            return self.encoded(name)
        encoded = self.tryon.encode_garment(picture, mask, features)
        with self.lock:
            self.remember(garment.folder, encoded)
        return encoded

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self.rows.close()

    def row(self, name: str) -> Garment | None:
        """The row of an id; the lock must be held."""
        found = self.rows.execute("select * from garments where id = ?", (name,)).fetchone()
        return None if found is None else Garment(*found)

    def remember(self, folder: str, encoded: EncodedGarment) -> None:
        """Keep a garment in memory, unless it alone would fill it; the lock must be held."""
        if encoded.nbytes <= self.kept.maxsize:
            self.kept[folder] = encoded

    def forget(self, garment: Garment) -> None:
        """Drop what memory and disk hold of a garment that has no row any more."""
        with self.lock:
            self.kept.pop(garment.folder, None)
        shutil.rmtree(self.files / garment.folder, ignore_errors=True)


def fingerprint(tryon: TryOn) -> str:
    """What features depend on: the weights' files."""
    files = {name: file.sha256 for name, file in sorted(tryon.weights.manifest.files.items())}
    return sha256(json.dumps(files).encode()).hexdigest()


def packed(encoded: EncodedGarment, weights: str) -> bytes:
    """Features as a file."""
    stream = io.BytesIO()
    named = {str(number): array for number, array in enumerate(encoded.features)}
    np.savez(stream, weights=np.array(weights), **named)  # type: ignore[arg-type]
    return stream.getvalue()


def unpacked(data: bytes, weights: str) -> tuple[NDArray[np.float32], ...] | None:
    """Features of a file; None where other weights made them."""
    with np.load(io.BytesIO(data)) as held:
        if str(held["weights"]) != weights:
            return None
        return tuple(held[str(number)] for number in range(len(held.files) - 1))


def write_flushed(path: Path, data: bytes) -> None:
    """Write a file, and see it onto the disk."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def flush_folder(path: Path) -> None:
    """See a folder's entries onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
