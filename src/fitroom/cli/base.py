"""What every command shares: the group, one clear sentence for every error, progress bars."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from tqdm import tqdm

import fitroom
from fitroom.errors import FitroomError, MissingExtraError

Item = TypeVar("Item")
Command = TypeVar("Command", bound=Callable[..., Any])

PICTURES = "PNG, JPEG or WebP, by file extension"

parser_option = click.option(
    "--parser",
    default="parser",
    show_default=True,
    metavar="none|WEIGHTS",
    help="Human parser that finds the person in a photo. none: no parser; the person must fill the photo.",
)
segmenter_named = click.option(
    "--segmenter",
    default="segmenter",
    show_default=True,
    metavar="colour|rembg|WEIGHTS",
    help="Segmenter that separates a garment from its background, unless the background is plain and light. "
    "colour: no segmenter, only plain and light backgrounds; rembg: the network of rembg, which is downloaded once "
    "(needs the extra rembg); WEIGHTS: weights of a segmenter.",
)


def renamed_option(old: str, new: str) -> Callable[[Command], Command]:
    """Let a command take an option by its old name too, with a notice."""
    name = new.removeprefix("--").replace("-", "_")

    def decorate(command: Command) -> Command:
        @click.option(old, f"old_{name}", hidden=True)
        @functools.wraps(command)
        def call(*args: Any, **given: Any) -> Any:
            value = given.pop(f"old_{name}")
            if value is not None:
                if click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE:
                    raise click.UsageError(f"{old} is the old name of {new}; give one of them.")
                click.echo(f"notice: {old} is called {new} now.", err=True)
                given[name] = value
            return command(*args, **given)

        return call  # type: ignore[return-value]

    return decorate


def segmenter_option(command: Command) -> Command:
    """Add the option that names the segmenter."""
    return segmenter_named(renamed_option("--matting", "--segmenter")(command))


def point_option(purpose: str) -> Callable[[Command], Command]:
    """Make the option that points at one of several persons."""

    def decorate(command: Command) -> Command:
        named = click.option("--person-point", metavar="X,Y", help=purpose)
        return named(renamed_option("--person", "--person-point")(command))

    return decorate


weights_option = click.option(
    "--weights", default="lite", show_default=True, help="Name of shipped weights, or a weights folder."
)
backend_option = click.option(
    "--backend",
    type=click.Choice(["openvino", "onnx", "torch"]),
    default="openvino",
    show_default=True,
    help="Inference runtime.",
)


def reports_errors(command: Command) -> Command:
    """Print what went wrong, alone, and exit: 2 for bad input, 1 for a failure."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except FitroomError as error:
            click.echo(f"fitroom: {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("fitroom: stopped.", err=True)
            sys.exit(1)

    return run  # type: ignore[return-value]


def bar(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Show a progress bar on a terminal after half a second; stay silent elsewhere."""
    progress: Iterable[Item] = tqdm(items, desc=description, total=total, delay=0.5, leave=False, disable=None)
    return progress


@contextmanager
def missing_extra(extra: str, what: str) -> Iterator[None]:
    """Turn an ImportError into the sentence that says what to install."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f"{what} needs packages that are not installed ({error.name}); "
            f"install them with: pip install -c constraints.txt '.[{extra}]'"
        ) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(fitroom.__version__, prog_name="fitroom")
def main() -> None:
    """Dress the person in a photo in the garment from a product shot, on an ordinary CPU.

    The resulting picture is called a look.
    """
