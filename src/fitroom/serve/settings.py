"""What a service is set by."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from fitroom.errors import InputError
from fitroom.runtime.interface import PARSER, SEGMENTER
from fitroom.store import DEFAULT


@dataclass(frozen=True)
class ServeConfig:
    """Settings of a service; the defaults are those of a shop's product page on one machine."""

    weights: str = DEFAULT
    parser: str = PARSER  # weights that find persons in their photos, or "none"
    segmenter: str = SEGMENTER  # how garments are told from any ground but a studio's, see `TryOn.load`
    data_dir: Path = Path("fitroom-data")  # registered garments; made where it is missing
    workers: int = 0  # looks made at the same time; 0: as many as the processor runs best
    waiting: int = 16  # requests that may wait for a worker; the next ones are told to come back
    upload_mb: int = 16  # largest request
    megapixels: int = 24  # of one picture; a worker holds some twenty bytes for each
    body_seconds: float = 30.0  # in which a request must have arrived
    persons_mb: int = 256  # memory for persons sent ahead; those unused for longest make room
    person_minutes: float = 15.0  # after which they are forgotten
    garments_mb: int = 256  # memory for garments in use; all are on disk
    api_keys: Path | None = None  # file of keys, a line each: a name and its key
    rate: str = "300/minute"  # requests of one key, where there are keys
    cors: tuple[str, ...] = ()  # origins whose pages may ask, such as https://shop.example


def check_bind(host: str, config: ServeConfig, insecure: bool) -> None:
    """Raise InputError where a service without keys would be reachable from other machines."""
    if config.api_keys is not None or insecure or is_loopback(host):
        return
    raise InputError(
        f"--host {host}: other machines could reach it, and everybody on them could use it; give --api-keys FILE, "
        "or say --insecure where something else guards it."
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
