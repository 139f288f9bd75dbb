"""Define and check the settings of the service."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from fitroom.errors import InputError
from fitroom.runtime.interface import PARSER, SEGMENTER
from fitroom.store import DEFAULT


@dataclass(frozen=True)
class ServeConfig:
    """Settings of a service. The defaults suit a shop's product page on one machine."""

    weights: str = DEFAULT
    parser: str = PARSER  # weights that find persons in photos, or "none"
    segmenter: str = SEGMENTER  # how garments are separated from backgrounds that are not a studio's, see `TryOn.load`
    data_dir: Path = Path("fitroom-data")  # registered garments; created if it is missing
    workers: int = 0  # looks computed in parallel; 0: the number that OpenVINO recommends
    waiting: int = 16  # requests that may wait for a worker; further ones are refused with 503
    upload_mb: int = 16  # size limit of a request
    megapixels: int = 24  # size limit of a picture; a worker needs about twenty bytes per pixel
    body_seconds: float = 30.0  # time limit for a request's body to arrive
    persons_mb: int = 256  # memory for persons sent ahead; the least recently used are removed first
    person_minutes: float = 15.0  # lifetime of a person sent ahead
    garments_mb: int = 256  # memory for garments in use; all garments are on disk
    api_keys: Path | None = None  # file with one name and key per line
    rate: str = "300/minute"  # limit for each key
    cors: tuple[str, ...] = ()  # origins whose pages may send requests, such as https://shop.example


def check_bind(host: str, config: ServeConfig, insecure: bool) -> None:
    """Raise InputError if a service without keys would be reachable from other machines and is not `insecure`."""
    if config.api_keys is not None or insecure or is_loopback(host):
        return
    raise InputError(
        f"--host {host}: anybody on other machines could use the service; give --api-keys FILE, "
        "or --insecure if something else controls access."
    )


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can be reached from this machine only."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
