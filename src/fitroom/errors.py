"""Everything that can go wrong on purpose. Messages name the file, what was found, what is needed and the remedy."""


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
