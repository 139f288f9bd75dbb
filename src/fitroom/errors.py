"""Defines the errors that fitroom raises.

Messages name the file, what was found, what is needed and the remedy.
"""

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class FitroomError(Exception):
    """Base of every error that fitroom raises.

    `exit_code` is the exit status of the command line. `code` identifies the kind of error in the service's answers.
    """

    exit_code = 1
    code = "failure"


class InputError(FitroomError):
    """An input that can't be used: a picture, list, setting or name. The caller can correct it."""

    exit_code = 2
    code = "bad-input"


class ImageError(InputError):
    """A picture that can't be read or used."""

    code = "unusable-picture"


class NotAPictureError(ImageError):
    """Bytes or a file that are not a JPEG, PNG or WebP picture."""

    code = "not-a-picture"


class PictureTooLargeError(ImageError):
    """A picture with more bytes or pixels than the limit."""

    code = "picture-too-large"


class PersonError(ImageError):
    """A photo without a person who could be dressed.

    `code` gives the reason: "no-person", "person-too-small", "back-view", "upper-body-outside", "too-dark", "blurred".
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WeightsError(InputError):
    """Weights that are unknown, damaged or of another network."""


class DataError(InputError):
    """A data folder, or a file in it, that is missing or broken."""


class OutputError(InputError):
    """An output path that can't be written."""


class MissingExtraError(InputError):
    """A command that needs packages outside the base install."""


class ExportError(FitroomError):
    """An exported graph whose outputs differ from its network's."""


def renamed_arguments(**names: str) -> Callable[[Function], Function]:
    """Make a decorator that also accepts keyword arguments by their old names, given as `old=new`.

    The function then emits a DeprecationWarning for an old name, and raises TypeError if both names are given.
    """

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
