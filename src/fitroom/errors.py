"""Errors that fitroom raises. Messages name the file, what was found, what is needed and the remedy."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class FitroomError(Exception):
    """Base of every error that fitroom raises.

    `exit_code` is what the command line exits with; `code` names the kind to programs, in the service's answers.
    """

    exit_code = 1
    code = "failure"


class InputError(FitroomError):
    """What was given can't be used: a picture, a list, a setting, a name. The caller can mend it."""

    exit_code = 2
    code = "bad-input"


class ImageError(InputError):
    """A picture can't be read or is not what it should be."""

    code = "unusable-picture"


class NotAPictureError(ImageError):
    """Bytes or a file are no JPEG, PNG or WebP picture."""

    code = "not-a-picture"


class PictureTooLargeError(ImageError):
    """A picture has more bytes or pixels than are read."""

    code = "picture-too-large"


class PersonError(ImageError):
    """A photo shows nobody who could be dressed. `code` says why: "no-person", "person-too-small", "back-view",
    "upper-body-outside", "too-dark", "blurred".
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WeightsError(InputError):
    """Weights are unknown, damaged or of another network."""


class DataError(InputError):
    """A data folder, or a file in it, is missing or broken."""


class OutputError(InputError):
    """The result can't be written where it was asked for."""


class MissingExtraError(InputError):
    """A command needs packages that the base install leaves out."""


class ExportError(FitroomError):
    """An exported graph does not compute what its network computes."""


def renamed_arguments(**names: str) -> Callable[[Function], Function]:
    """Let a function take keyword arguments by their old names too, each with a DeprecationWarning; `old=new`."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any, **given: Any) -> Any:
            for old, new in names.items():
                if old in given and new in given:
                    raise TypeError(f"{function.__name__}: {old} is the old name of {new}; give one of them.")
                if old in given:
                    warnings.warn(f"{function.__name__}: {old} is called {new} now.", DeprecationWarning, stacklevel=2)
                    given[new] = given.pop(old)
            return function(*args, **given)

        return call  # type: ignore[return-value]

    return decorate
