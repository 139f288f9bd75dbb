"""Keep encoded persons in memory for a limited time, so that a photo is sent once and dressed many times."""

import secrets
import threading
import time

from cachetools import TTLCache

from fitroom.serve.problems import Refusal
from fitroom.tryon import Person


class Persons:
    """Encoded persons by token. A person is removed after some time, or earlier if others need the memory."""

    def __init__(self, megabytes: int, minutes: float) -> None:
        self.seconds = minutes * 60
        self.kept: TTLCache[str, Person] = TTLCache(
            megabytes * 2**20, self.seconds, time.monotonic, lambda person: person.nbytes
        )
        self.lock = threading.Lock()

    def add(self, person: Person) -> str:
        """Keep a person and return its token. Raises Refusal (413) if the person exceeds the whole memory limit."""
        token = secrets.token_urlsafe(24)
        with self.lock:
            try:
                self.kept[token] = person
            except ValueError as error:
                raise Refusal(413, "picture-too-large", "The photo is too large to be kept; scale it down.") from error
        return token

    def get(self, token: str) -> Person:
        """Return the person of a token. Raises Refusal (404) if there is none."""
        with self.lock:
            person = self.kept.get(token)
        if person is None:
            raise Refusal(404, "unknown-person", "No person has this token. It may have expired; send the photo again.")
        return person

    def remove(self, token: str) -> None:
        """Remove the person of a token. Raises Refusal (404) if there is none."""
        with self.lock:
            if self.kept.pop(token, None) is None:
                raise Refusal(404, "unknown-person", "No person has this token.")

    def expire(self) -> int:
        """Remove expired persons. Return the bytes that are still in use."""
        with self.lock:
            self.kept.expire()
            return int(self.kept.currsize)
