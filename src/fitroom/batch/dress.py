"""What a worker does, on this machine or on a cluster: one garment, and the persons who wear it."""

import time
from dataclasses import dataclass
from typing import NamedTuple

from fitroom import arrays
from fitroom.batch.files import source, write_look
from fitroom.batch.journal import Result
from fitroom.errors import FitroomError, OutputError
from fitroom.tryon import EncodedGarment, EncodedPerson, Person, Size, TryOn


@dataclass(frozen=True)
class Output:
    """How looks are written."""

    root: str  # folder or URL
    size: Size = "photo"


class Failure(NamedTuple):
    """Why a person or a garment can't be used: the same for all of its pairs."""

    code: str
    error: str


class SentPerson(NamedTuple):
    """A person encoded once, as it travels between workers."""

    photo: arrays.Picture
    encoded: EncodedPerson


class Job(NamedTuple):
    """One pair of a task."""

    key: int  # Row.key
    person: int  # place in the task's persons
    path: str  # of the look, below the output's root


def encode_person(tryon: TryOn, name: str) -> SentPerson | Failure:
    """Read and encode a person."""
    try:
        person = tryon.person(source(name))
        return SentPerson(person.photo, person.encoded)
    except Exception as error:
        return failure(error)


def encode_garment(tryon: TryOn, garment: tuple[str, str]) -> EncodedGarment | Failure:
    """Read and encode a garment: a picture, and its mask or ""."""
    picture, mask = garment
    try:
        return tryon.garment(source(picture), source(mask) if mask else None)
    except Exception as error:
        return failure(error)


def dress_all(
    tryon: TryOn,
    garment: EncodedGarment | Failure,
    persons: list[SentPerson | Failure],
    jobs: list[Job],
    output: Output,
) -> list[Result]:
    """Dress persons in one garment, and write the looks; what failed has its reason.

    Raises OutputError where nothing can be written any more.
    """
    results = []
    for job in jobs:
        person = persons[job.person]
        unusable = next((found for found in (person, garment) if isinstance(found, Failure)), None)
        if unusable is not None:
            results.append(Result(job.key, code=unusable.code, error=unusable.error))
            continue
        assert isinstance(person, SentPerson)
        assert isinstance(garment, EncodedGarment)
        results.append(dress_one(tryon, person, garment, job, output))
    return results


def dress_one(tryon: TryOn, person: SentPerson, garment: EncodedGarment, job: Job, output: Output) -> Result:
    """Dress and write one pair. Raises OutputError where nothing can be written any more."""
    start = time.perf_counter()
    try:
        look = Person(tryon, person.photo, encoded=person.encoded).wear(garment, size=output.size)
        write_look(look.image, output.root, job.path)
    except OutputError as error:
        if isinstance(error.__cause__, OSError):
            raise
        return failed(job, error)
    except Exception as error:
        return failed(job, error)
    spent = round(1000 * (time.perf_counter() - start), 2)
    warnings = tuple(warning.code for warning in look.warnings)
    return Result(job.key, job.path, ms=spent, warnings=warnings, confidence=round(look.confidence, 4))


def failure(error: Exception) -> Failure:
    """Why something failed; a run goes on whatever it was."""
    if isinstance(error, FitroomError):
        return Failure(error.code, str(error))
    return Failure("failure", f"{type(error).__name__}: {error}")


def failed(job: Job, error: Exception) -> Result:
    """The result of a pair that failed."""
    code, text = failure(error)
    return Result(job.key, code=code, error=text)
