"""Check API keys and limit the request rate of each key."""

import hmac
import time
from hashlib import sha256
from pathlib import Path

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from fitroom.errors import InputError
from fitroom.serve.problems import Refusal

SHORTEST = 16


def read_keys(path: Path) -> dict[str, bytes]:
    """Read a file with one name and key per line. Return digests of the keys, by name.

    Raises InputError if the file can't be read, a line is invalid, or there is no key.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the API keys can't be read ({error}).") from error
    found: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 2 or len(parts[1]) < SHORTEST or parts[0] in found:
            raise InputError(f"{path}, line {number}: need a unique name and a key of at least {SHORTEST} characters.")
        found[parts[0]] = digest(parts[1])
    if not found:
        raise InputError(f"{path}: no key in it; write one name and one key per line.")
    return found


def digest(key: str) -> bytes:
    """Return the digest that is compared in place of a key. All digests have the same length."""
    return sha256(key.encode("utf-8", "surrogateescape")).digest()


class Gate:
    """Access control. Without keys every request is admitted, otherwise each known key up to a rate."""

    def __init__(self, keys: dict[str, bytes], rate: str) -> None:
        """Set the keys and their rate, such as "300/minute". Raises InputError for an invalid rate."""
        self.keys = keys
        try:
            self.rate: RateLimitItem = parse(rate)
        except ValueError as error:
            raise InputError(f"--rate {rate}: need a number of requests and a period, such as 300/minute.") from error
        self.limiter = MovingWindowRateLimiter(MemoryStorage())

    def admit(self, authorization: str | None, api_key: str | None) -> None:
        """Check the values of the headers Authorization and X-API-Key.

        Raises Refusal: 401 for an unknown key, 429 if the key exceeds its rate.
        """
        if not self.keys:
            return
        given = api_key or ""
        if authorization is not None and authorization.lower().startswith("bearer "):
            given = authorization[7:].strip()
        shown = digest(given)
        # compare with every key, each in constant time, so that the duration reveals nothing
        names = [name for name, key in self.keys.items() if hmac.compare_digest(key, shown)]
        if not names:
            raise Refusal(
                401, "unknown-key", "The API key is missing or unknown; send the header Authorization: Bearer KEY."
            )
        if not self.limiter.hit(self.rate, names[0]):
            again = self.limiter.get_window_stats(self.rate, names[0]).reset_time
            raise Refusal(
                429,
                "too-many-requests",
                f"Too many requests; the limit of this key is {self.rate}.",
                again - time.time(),
            )
