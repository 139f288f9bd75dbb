"""Persons sent ahead: one photo tried with many garments without being sent again. In memory only, and not for long."""

import secrets
import threading
import time

from cachetools import TTLCache

from fitroom.serve.problems import Refusal
from fitroom.tryon import Person


class Persons:
    """Encoded persons by token. Each is forgotten after a while, or when others need its room."""

    def __init__(self, megabytes: int, minutes: float) -> None:
        self.seconds = minutes * 60
        self.kept: TTLCache[str, Person] = TTLCache(
            megabytes * 2**20, self.seconds, time.monotonic, lambda person: person.nbytes
        )
        self.lock = threading.Lock()

    def add(self, person: Person) -> str:
        """Keep a person; the token that names it. Raises Refusal where it is larger than all the room there is."""
        token = secrets.token_urlsafe(24)
        with self.lock:
            try:
                self.kept[token] = person
            except ValueError as error:
                raise Refusal(413, "picture-too-large", "The photo is too large to be kept; scale it down.") from error
        return token

    def get(self, token: str) -> Person:
        """The person of a token. Raises Refusal where there is none."""
        with self.lock:
            person = self.kept.get(token)
        if person is None:
            raise Refusal(404, "unknown-person", "No person of this token; it may have expired: send the photo again.")
        return person

    def remove(self, token: str) -> None:
        """Forget a person. Raises Refusal where there is none."""
        with self.lock:
            if self.kept.pop(token, None) is None:
                raise Refusal(404, "unknown-person", "No person of this token.")

    def expire(self) -> int:
        """Forget those whose time is over; the bytes that are left."""
        with self.lock:
            self.kept.expire()
            return int(self.kept.currsize)
