"""Read settings from YAML files into typed dataclasses. Unknown keys are errors."""

import dataclasses
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ConfigDict, ValidationError, create_model

from fitroom.errors import InputError
from fitroom.train.checkpoint import untupled
from fitroom.train.loop import LoopConfig

Settings = TypeVar("Settings")
RECIPES = Path(str(files("fitroom") / "configs"))  # packaged settings files


def parse(kind: type[Settings], values: dict[str, Any], origin: str) -> Settings:
    """Convert values to a dataclass, including nested dataclasses. Raises InputError that names the wrong key."""
    # dataclasses in a model's fields inherit the model's configuration
    model = create_model("Checked", __config__=ConfigDict(extra="forbid"), settings=(kind, ...))
    try:
        return model(settings=values).settings  # type: ignore[attr-defined, no-any-return]
    except ValidationError as error:
        found = [(".".join(str(part) for part in one["loc"][1:]), one["type"], one["msg"]) for one in error.errors()]
        unknown = ", ".join(key for key, type_, _ in found if type_ == "unexpected_keyword_argument")
        if unknown:
            message = f"{origin}: unknown settings: {unknown}; see the comments in {kind.__module__}."
            raise InputError(message) from error
        raise InputError(f"{origin}: {found[0][0]}: {found[0][2]}.") from error


def read_values(path: str | Path | None, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read the nested values of a recipe, see `recipe_path`, and apply `key=value` overrides with dotted keys.

    Without a path, only the overrides are returned. Raises InputError.
    """
    values = {} if path is None else read_yaml(recipe_path(path))
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise InputError(f"--set {override}: need key=value.")
        *parents, last = name.split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise InputError(f"--set {override}: {parent} is a value, not a group of settings.")
        try:
            place[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"--set {override}: {text!r} is not a YAML value.") from error
    return values


def recipe_path(name: str | Path) -> Path:
    """Return the file of a recipe, given as a YAML file or as the name of a packaged recipe."""
    path = Path(name)
    packaged = RECIPES / f"{path.name}.yaml"
    return packaged if path.name == str(name) and not path.exists() and packaged.is_file() else path


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the keys and values of a YAML file. Raises InputError."""
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        names = ", ".join(sorted(found.stem for found in RECIPES.glob("*.yaml")))
        raise InputError(
            f"{path}: the settings can't be read ({error.strerror}); give a YAML file, or a recipe's name: {names}."
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({str(error).splitlines()[0]}).") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: found {type(values).__name__}; need keys and values.")
    return values


def check_sizes(height: int, width: int, loop: LoopConfig, origin: str, multiple: int = 32) -> None:
    """Raise InputError unless sizes are multiples of `multiple`, the batch is at least 2 and steps are at least 1."""
    if height % multiple or width % multiple:
        raise InputError(f"{origin}: height {height}, width {width}; need multiples of {multiple}.")
    if loop.batch < 2 or loop.steps < 1:
        raise InputError(f"{origin}: loop.batch must be at least 2 and loop.steps at least 1.")


def save_config(config: Any, folder: Path) -> None:
    """Write settings, a dataclass, to settings.yaml in a folder. The folder is made if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.yaml").write_text(yaml.safe_dump(untupled(dataclasses.asdict(config)), sort_keys=False))
