"""fitroom: a person's photo and a garment's photo in, the person wearing the garment out, in real time on a CPU."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fitroom.errors import FitroomError

if TYPE_CHECKING:
    from fitroom.photo.parse import Parse
    from fitroom.tryon import Look, Person, TryOn

__all__ = ["FitroomError", "Look", "Parse", "Person", "TryOn"]
__version__ = version("fitroom")


def __getattr__(name: str) -> Any:
    """Load the try-on path when it is first asked for: `fitroom --version` and errors need none of it."""
    if name == "Parse":
        from fitroom.photo.parse import Parse

        return Parse
    if name in ("Look", "Person", "TryOn"):
        from fitroom import tryon

        return getattr(tryon, name)
    raise AttributeError(f"module 'fitroom' has no attribute {name!r}")
