"""Tests of the settings of fine-tuning."""

from dataclasses import replace

from fitroom.compress.finetuning import RECIPE, finetune_config, resting
from fitroom.compress.quantizing import SLOWLY
from fitroom.train.tasks.config import read_config


def test_default_settings_come_from_the_recipe(small_weights):
    config = finetune_config(small_weights, "start", ("warp.flow", "generator"))
    assert (config.start, config.teacher, config.network) == ("start", str(small_weights.folder), "lite")
    assert list(config.lite.encoder) == list(small_weights.manifest.config["encoder"])
    told = replace(config, start="", teacher="", lite=read_config("finetune", RECIPE).lite)
    assert told == read_config("finetune", RECIPE)


def test_given_settings_override_the_recipe(small_weights, tmp_path):
    assert finetune_config(small_weights, "start", ("warp",), None, (SLOWLY,)).loop.learning_rate == 2e-5
    path = tmp_path / "mine.yaml"
    path.write_text("loop: {batch: 4}\n")
    config = finetune_config(small_weights, "start", ("warp",), str(path), ("loop.steps=3",))
    assert (config.loop.batch, config.loop.steps, config.stage.losses.distilled_flow) == (4, 3, 0)


def test_finetuning_freezes_the_unchanged_part_of_the_network(small_weights):
    for modules, rests in (
        (("generator",), "warp"),
        (("warp.flow",), "generator"),
        (("warp",), "generator"),
        (("warp.person", "generator"), "nothing"),
    ):
        assert resting(modules) == finetune_config(small_weights, "start", modules).stage.rests == rests
    # an explicit setting takes precedence
    assert finetune_config(small_weights, "start", ("warp",), None, ("stage.rests=nothing",)).stage.rests == "nothing"
