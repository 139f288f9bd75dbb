"""Encode and dress the pairs of a task. Workers on this machine and on a cluster share this code."""

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
    """Where looks are written, and in which size."""

    root: str  # folder or URL
    size: Size = "photo"


class Failure(NamedTuple):
    """Why a person or a garment can't be used. It applies to all of its pairs."""

    code: str
    error: str


class SentPerson(NamedTuple):
    """A person encoded once, in the form that is sent between workers."""

    photo: arrays.Picture
    encoded: EncodedPerson


class Job(NamedTuple):
    """One pair of a task."""

    key: int  # see `Row.key`
    person: int  # index in the task's persons
    path: str  # of the look, relative to `Output.root`


def encode_person(tryon: TryOn, name: str) -> SentPerson | Failure:
    """Read and encode a person. Return a Failure if that is impossible."""
    try:
        person = tryon.person(source(name))
        return SentPerson(person.photo, person.encoded)
    except Exception as error:
        return failure(error)


def encode_garment(tryon: TryOn, garment: tuple[str, str]) -> EncodedGarment | Failure:
    """Read and encode a garment, given as picture and mask (or ""). Return a Failure if that is impossible."""
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
    """Dress persons in one garment and write the looks. The result of a failed pair has the reason.

    Raises OutputError if no look can be written any more.
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
    """Dress and write one pair. Raises OutputError if no look can be written any more."""
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
    """Return why something failed. A run continues after any error."""
    if isinstance(error, FitroomError):
        return Failure(error.code, str(error))
    return Failure("failure", f"{type(error).__name__}: {error}")


def failed(job: Job, error: Exception) -> Result:
    """Return the result of a pair that failed."""
    code, text = failure(error)
    return Result(job.key, code=code, error=text)
