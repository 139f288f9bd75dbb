"""Settings of a training stage of the try-on, and the folder of its files."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from fitroom.data.augment import AugmentConfig
from fitroom.errors import InputError
from fitroom.nets.lite import LiteConfig
from fitroom.nets.pfafn import PfafnConfig
from fitroom.train.loop import LoopConfig
from fitroom.train.settings import check_sizes, parse, read_values
from fitroom.train.tasks.stages import StageConfig, StageName
from fitroom.train.tasks.teacher_input import parsed_channels


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a stage."""

    network: Literal["lite", "pfafn"] = "lite"
    lite: LiteConfig = field(default_factory=LiteConfig)
    pfafn: PfafnConfig = field(default_factory=PfafnConfig)
    stage: StageConfig = field(default_factory=StageConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    height: int = 256  # of the training pictures
    width: int = 192
    start: str = ""  # weights, by name or folder, that a student's stage starts from instead of its predecessor's
    teacher: str = ""  # weights, by name or folder, that finetune learns from: those before pruning
    fakes: tuple[str, ...] = ("fakes",)  # folders of a student's fakes, in the work folder or elsewhere

    def network_config(self, dense: bool) -> LiteConfig | PfafnConfig:
        """Return the network's settings for this stage. A teacher has more input channels, even more with DensePose."""
        config: LiteConfig | PfafnConfig = getattr(self, self.network)
        return replace(config, person=parsed_channels(dense)) if self.stage.parser_based else config


def read_config(stage: StageName, path: str | Path | None, overrides: tuple[str, ...] = ()) -> TrainConfig:
    """Read the settings of a stage from YAML, or take the defaults, and apply `key=value` overrides.

    Raises InputError for unknown keys and wrong values, for settings of another stage, for settings that leave nothing
    to train, and for sizes that the network can't handle.
    """
    values = read_values(path, overrides)
    given: Any = values.setdefault("stage", {})
    if isinstance(given, dict) and given.setdefault("name", stage) != stage:
        raise InputError(f"{path or '--set'}: found settings of stage {given['name']}; need settings of {stage}.")
    config = parse(TrainConfig, values, str(path or "--set"))
    if config.start and config.stage.parser_based:
        raise InputError(f"{path or '--set'}: start is only for students; remove it to train a teacher.")
    if not (config.stage.warps or config.stage.whole):
        raise InputError(f"{path or '--set'}: with stage.rests={config.stage.rests}, {stage} has nothing to train.")
    check_sizes(config.height, config.width, config.loop, str(path or "--set"))
    return config


def stage_folder(work: str | Path, stage: StageName) -> Path:
    """Return the folder of a stage's checkpoint, settings and scalars."""
    return Path(work) / stage
