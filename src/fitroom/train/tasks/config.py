"""Everything that a training stage is set by, and where its files lie."""

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
    height: int = 256  # of the pictures trained on
    width: int = 192
    start: str = ""  # weights, by name or folder, to begin a student's stage with, in place of its predecessor's
    teacher: str = ""  # weights, by name or folder, that finetune learns from: those that were narrowed
    fakes: tuple[str, ...] = ("fakes",)  # folders of fakes below the work folder, or anywhere; for students

    def network_config(self, dense: bool) -> LiteConfig | PfafnConfig:
        """Settings of the stage's network: a teacher's is shown more channels, with DensePose more still."""
        config: LiteConfig | PfafnConfig = getattr(self, self.network)
        return replace(config, person=parsed_channels(dense)) if self.stage.parser_based else config


def read_config(stage: StageName, path: str | Path | None, overrides: tuple[str, ...] = ()) -> TrainConfig:
    """Settings of a stage from YAML, or the defaults, changed by `key=value` overrides.

    Raises InputError for unknown keys and wrong values, for settings of another stage, and for sizes that the network
    can't take.
    """
    values = read_values(path, overrides)
    given: Any = values.setdefault("stage", {})
    if isinstance(given, dict) and given.setdefault("name", stage) != stage:
        raise InputError(f"{path}: settings of stage {given['name']}; this is {stage}.")
    config = parse(TrainConfig, values, str(path or "--set"))
    if config.start and config.stage.parser_based:
        raise InputError(f"{path or '--set'}: start is for students; a teacher begins afresh.")
    if not (config.stage.warps or config.stage.whole):
        raise InputError(f"{path or '--set'}: stage.rests {config.stage.rests} leaves {stage} nothing to train.")
    check_sizes(config.height, config.width, config.loop, str(path or "--set"))
    return config


def stage_folder(work: str | Path, stage: StageName) -> Path:
    """Where a stage keeps its checkpoint, settings and scalars."""
    return Path(work) / stage
