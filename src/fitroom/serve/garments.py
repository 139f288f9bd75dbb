"""Store registered garments on disk: pictures and features in files, the index in SQLite.

A garment exists if it has a row. Its files are written and flushed before the row is added. Files without a row are
removed at the next start. So an acknowledged garment survives a crash, and an incomplete one is never visible.
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
    """The record of a registered garment."""

    id: str
    folder: str  # name of its folder in the store
    media_type: str  # of the uploaded picture
    sha256: str  # of the uploaded picture
    width: int
    height: int
    registered: float  # seconds since the epoch


class Garments:
    """The registered garments of a data folder. Safe to use from several threads, but only in one process at a time."""

    def __init__(self, root: Path, tryon: TryOn, megabytes: int, seen: Callable[[bool], None]) -> None:
        """Open or create a store. Raises OutputError if that fails.

        `seen` is called at each lookup with whether the garment was in memory.
        """
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
            # a second process would remove the files that this one is writing
            self.rows.execute("pragma locking_mode = exclusive")
            with self.rows:
                self.rows.execute(TABLE)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"{root}: garments can't be stored here ({error}); "
                "choose another --data-dir, or stop the program that uses this folder."
            ) from error
        self.sweep()

    def sweep(self) -> None:
        """Remove the files of garments that were never acknowledged, or were replaced."""
        known = {folder for (folder,) in self.rows.execute("select folder from garments")}
        for path in self.files.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    def put(self, name: str, picture: bytes, mask: bytes | None) -> tuple[Garment, bool]:
        """Register a garment under an id, or replace the one that has it. Return the garment and whether the id is new.

        Raises ImageError if the picture or its mask can't be used, OutputError if the garment can't be stored.
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
            raise OutputError(f"garment {name}: can't be stored ({error}).") from error
        with self.lock:
            self.remember(garment.folder, encoded)
        if before is not None:
            self.forget(before)
        return garment, before is None

    def get(self, name: str) -> Garment:
        """Return the record of a garment. Raises Refusal (404) if the id is unknown."""
        with self.lock:
            found = self.row(name)
        if found is None:
            raise Refusal(404, "unknown-garment", f"No garment {name}; register it with PUT /v1/garments/{name}.")
        return found

    def list(self, after: str, limit: int) -> list[Garment]:
        """Return at most `limit` garments, ordered by id, whose ids come after `after`."""
        with self.lock:
            found = self.rows.execute("select * from garments where id > ? order by id limit ?", (after, limit))
            return [Garment(*row) for row in found]

    def delete(self, name: str) -> None:
        """Delete a garment and its files. Raises Refusal (404) if the id is unknown."""
        garment = self.get(name)
        with self.lock, self.rows:
            self.rows.execute("delete from garments where id = ? and folder = ?", (name, garment.folder))
        self.forget(garment)

    def picture(self, name: str) -> tuple[bytes, str]:
        """Return a garment's picture as uploaded, and its media type. Raises Refusal (404) if the id is unknown."""
        garment = self.get(name)
        try:
            return (self.files / garment.folder / PICTURE).read_bytes(), garment.media_type
        except FileNotFoundError as error:
            self.check_replaced(garment, error)
            return self.picture(name)

    def encoded(self, name: str) -> EncodedGarment:
        """Return an encoded garment, from memory or from disk. Raises Refusal (404) if the id is unknown."""
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
        except FileNotFoundError as error:
            self.check_replaced(garment, error)
            return self.encoded(name)
        encoded = self.tryon.encode_garment(picture, mask, features)
        with self.lock:
            self.remember(garment.folder, encoded)
        return encoded

    def check_replaced(self, garment: Garment, error: FileNotFoundError) -> None:
        """Check that a garment was deleted or replaced after its row was read, which explains a missing file.

        Raises OutputError if it was not, Refusal (404) if it was deleted.
        """
        if self.get(garment.id).folder == garment.folder:
            raise OutputError(
                f"garment {garment.id}: {error.filename} is missing; register the garment again."
            ) from error

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self.rows.close()

    def row(self, name: str) -> Garment | None:
        """Return the row of an id, or None. The caller must hold the lock."""
        found = self.rows.execute("select * from garments where id = ?", (name,)).fetchone()
        return None if found is None else Garment(*found)

    def remember(self, folder: str, encoded: EncodedGarment) -> None:
        """Keep a garment in memory, unless it is larger than the whole cache. The caller must hold the lock."""
        if encoded.nbytes <= self.kept.maxsize:
            self.kept[folder] = encoded

    def forget(self, garment: Garment) -> None:
        """Remove a garment that has no row any more from memory and disk."""
        with self.lock:
            self.kept.pop(garment.folder, None)
        shutil.rmtree(self.files / garment.folder, ignore_errors=True)


def fingerprint(tryon: TryOn) -> str:
    """Return a digest of the weights' files, which determine the features."""
    files = {name: file.sha256 for name, file in sorted(tryon.weights.manifest.files.items())}
    return sha256(json.dumps(files).encode()).hexdigest()


def packed(encoded: EncodedGarment, weights: str) -> bytes:
    """Serialize a garment's features as NPZ. `weights` is the fingerprint of the weights that computed them."""
    stream = io.BytesIO()
    named = {str(number): array for number, array in enumerate(encoded.features)}
    np.savez(stream, weights=np.array(weights), **named)  # type: ignore[arg-type]
    return stream.getvalue()


def unpacked(data: bytes, weights: str) -> tuple[NDArray[np.float32], ...] | None:
    """Read the features that `packed` wrote. Return None if other weights computed them."""
    with np.load(io.BytesIO(data)) as held:
        if str(held["weights"]) != weights:
            return None
        return tuple(held[str(number)] for number in range(len(held.files) - 1))


def write_flushed(path: Path, data: bytes) -> None:
    """Write a file and flush it to disk."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def flush_folder(path: Path) -> None:
    """Flush the entries of a folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
