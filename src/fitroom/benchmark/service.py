"""Measure the service's overhead over the library, and its behaviour under overload, as a real process over HTTP.

Every response is compared with the library's look of the same pictures.
"""

import http.client
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import cv2
import numpy as np

from fitroom.arrays import HEIGHT, WIDTH, Picture
from fitroom.benchmark.looks import sample_pictures
from fitroom.errors import FitroomError
from fitroom.photo.encode import encode_picture
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.store import open_weights
from fitroom.tryon import EncodedGarment, TryOn

PERSONS, GARMENTS = 4, 6
BOUNDARY = "fitroom-benchmark"


@dataclass(frozen=True)
class Case:
    """One request and the expected response."""

    garment_id: str
    body: bytes
    expected: bytes


@dataclass
class Outcome:
    """Results of a period of load."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # of looks, in seconds
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: int = 0  # responses that differ from the library's
    memory: list[float] = field(default_factory=list)  # samples of the memory of the service, in MB

    def percentile(self, share: float) -> float:
        """Return the latency, in milliseconds, at a share (0 to 1) of the sorted latencies; NaN without any."""
        if not self.latencies:
            return float("nan")
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    @property
    def per_second(self) -> float:
        """Looks per second."""
        return len(self.latencies) / self.seconds


def form(**files: bytes | str) -> bytes:
    """Encode a multipart form; bytes are sent as files."""
    parts = []
    for name, value in files.items():
        filename = f'; filename="{name}"' if isinstance(value, bytes) else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'
        parts.append(head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class Client:
    """HTTP client of one service, with one connection per thread."""

    def __init__(self, address: str) -> None:
        self.place = urlsplit(address)
        self.local = threading.local()

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request and return status and body; the status is 0 if there is no response."""
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"} if body is not None else {}
        connections = [self.connect()]
        if getattr(self.local, "connection", None) is not None:
            # the service closes idle connections: try the old one first, then a new one
            connections.insert(0, self.local.connection)
        for connection in connections:
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                status, data = answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            self.local.connection = connection
            return status, data
        self.local.connection = None
        return 0, b""

    def connect(self) -> http.client.HTTPConnection:
        """Return a new connection, which opens on first use."""
        return http.client.HTTPConnection(self.place.hostname or "", self.place.port, timeout=60)

    def memory(self) -> float:
        """Return the resident memory of the service in MB, from its metrics; NaN if they do not have it."""
        found = re.search(rb"^process_resident_memory_bytes (\S+)$", self.ask("GET", "/metrics")[1], re.MULTILINE)
        return float(found[1]) / 1e6 if found else float("nan")


@contextmanager
def running(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a service on a free port; yield its address and its process, and terminate the process at the end.

    Raises FitroomError if the service does not start.
    """
    command = [sys.executable, "-m", "fitroom", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("serving on "):
            raise FitroomError("the service did not start; see its error message above.")
        yield line.split()[-1], process
    finally:
        process.terminate()
        process.wait(60)


def pictures() -> tuple[list[Picture], list[Picture]]:
    """Return PERSONS drawn persons and GARMENTS drawn garments, which differ in colour."""
    person, garment = sample_pictures(HEIGHT, WIDTH)

    def shifted(picture: Picture, hue: int) -> Picture:
        hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + hue) % 180
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)

    return (
        [shifted(person, 180 * number // PERSONS) for number in range(PERSONS)],
        [shifted(garment, 180 * number // GARMENTS) for number in range(GARMENTS)],
    )


def library_cases(tryon: TryOn) -> tuple[list[Case], list[EncodedGarment], list[bytes]]:
    """Return requests with the library's looks as expected responses, and their garments and photos."""
    persons, garments = pictures()
    photos = [encode_picture(person, ".png") for person in persons]
    encoded = [tryon.garment(encode_picture(garment, ".png")) for garment in garments]
    cases = [
        Case(
            f"g{number}",
            form(person=photo, garment_id=f"g{number}"),
            encode_picture(tryon.person(photo).wear(garment).image, ".png"),
        )
        for photo in photos
        for number, garment in enumerate(encoded)
    ]
    return cases, encoded, photos


def library_throughput(tryon: TryOn, garments: list[EncodedGarment], photos: list[bytes], looks: int) -> float:
    """Measure looks per second of the library from PNG to PNG, on as many threads as its runner has streams."""

    def work(number: int) -> None:
        look = tryon.person(photos[number % len(photos)]).wear(garments[number % len(garments)])
        encode_picture(look.image, ".png")

    with ThreadPoolExecutor(tryon.runner.streams) as pool:  # type: ignore[attr-defined]
        list(pool.map(work, range(4)))
        start = time.perf_counter()
        list(pool.map(work, range(looks)))
        return looks / (time.perf_counter() - start)


def register(client: Client) -> None:
    """Register the garments of the cases. Raises FitroomError if the service refuses one."""
    for number, garment in enumerate(pictures()[1]):
        status, body = client.ask("PUT", f"/v1/garments/g{number}", form(garment=encode_picture(garment, ".png")))
        if status not in (200, 201):
            raise FitroomError(f"the service refused a garment with status {status}: {body[:200]!r}")


def ask_case(client: Client, case: Case, outcome: Outcome, lock: threading.Lock, due: float | None = None) -> None:
    """Send one request and record it. Its latency counts from the time `due`, or from now."""
    since = time.perf_counter() if due is None else due
    status, body = client.ask("POST", "/v1/looks", case.body)
    took = time.perf_counter() - since
    with lock:
        outcome.statuses[status] += 1
        if status == 200:
            outcome.latencies.append(took)
            outcome.wrong += body != case.expected


def closed_loop(client: Client, cases: list[Case], clients: int, looks: int) -> Outcome:
    """Measure throughput with `clients` concurrent clients; each sends its next request after a response."""
    outcome, lock = Outcome(), threading.Lock()
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        for number in range(looks):
            pool.submit(ask_case, client, cases[number % len(cases)], outcome, lock)
        pool.shutdown()
        outcome.seconds = time.perf_counter() - start
    return outcome


def open_loop(
    client: Client, cases: list[Case], rate: float, seconds: float, tell: Callable[[str], None] = lambda line: None
) -> Outcome:
    """Send requests at random times, `rate` per second on average, regardless of responses.

    Memory is sampled every 30 seconds.
    """
    outcome, lock, chance = Outcome(), threading.Lock(), random.Random(0)
    start = due = sampled = time.perf_counter()
    with ThreadPoolExecutor(64) as pool:
        while (now := time.perf_counter()) - start < seconds:
            if now - sampled > 30:
                sampled = now
                outcome.memory.append(client.memory())
                tell(f"{(now - start) / 60:5.1f} min {outcome.memory[-1]:7.1f} MB {dict(outcome.statuses)}")
            if due > now:
                time.sleep(min(due - now, 1.0))
                continue
            pool.submit(ask_case, client, chance.choice(cases), outcome, lock, due)
            due += chance.expovariate(rate)
    outcome.seconds = time.perf_counter() - start
    return outcome


def benchmark_service(weights: str, seconds: float, load: float, tell: Callable[[str], None]) -> dict[str, float]:
    """Measure throughput of service and library, and latencies at 70 % of the measured capacity.

    If `seconds` is not 0, also measure that many seconds at `load` times the capacity.
    """
    opened = open_weights(weights)
    tryon = TryOn(opened, OpenVinoRunner.from_weights(opened, "throughput"))
    cases, garments, photos = library_cases(tryon)
    shares, service_rates, library_rates, wrong = [], [], [], 0
    with (
        TemporaryDirectory() as folder,
        running("--weights", weights, "--data-dir", str(Path(folder) / "data")) as (
            address,
            _,
        ),
    ):
        client = Client(address)
        register(client)
        closed_loop(client, cases, 4, 40)
        for _ in range(5):
            library_rates.append(library_throughput(tryon, garments, photos, 120))
            outcome = closed_loop(client, cases, 4, 120)
            service_rates.append(outcome.per_second)
            shares.append(service_rates[-1] / library_rates[-1])
            wrong += outcome.wrong + 120 - len(outcome.latencies)
        capacity = median(service_rates)
        easy = open_loop(client, cases, 0.7 * capacity, 60)
        figures = {
            "library_looks_per_second": median(library_rates),
            "service_looks_per_second": capacity,
            "service_share": median(shares),
            "median_ms_at_70_percent": easy.percentile(0.5),
            "p99_ms_at_70_percent": easy.percentile(0.99),
            "p99_over_median": easy.percentile(0.99) / easy.percentile(0.5),
            "wrong_answers": float(wrong + easy.wrong),
        }
        if seconds:
            hard = open_loop(client, cases, load * capacity, seconds, tell)
            early = [mb for number, mb in enumerate(hard.memory, 1) if number * 30 <= 300] or hard.memory
            figures |= {
                "overload_looks_per_second": hard.per_second,
                "overload_refused_share": hard.statuses[503] / max(hard.statuses.total(), 1),
                "overload_other_statuses": float(hard.statuses.total() - hard.statuses[200] - hard.statuses[503]),
                "overload_wrong_answers": float(hard.wrong),
                "overload_memory_growth": max(hard.memory) / max(early) - 1 if hard.memory else float("nan"),
                "overload_memory_mb": max(hard.memory) if hard.memory else client.memory(),
            }
    return figures
