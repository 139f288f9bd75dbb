"""Tests that the README's examples run and that its references exist."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from fitroom.cli import main
from fitroom.demo import SAMPLES
from fitroom.photo.decode import read

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with the pictures that the README uses."""
    monkeypatch.chdir(tmp_path)
    for name, sample in (("person", "person-1"), ("shirt", "garment-1"), ("blouse", "garment-2")):
        shutil.copy(str(SAMPLES / f"{sample}.jpg"), f"{name}.jpg")
    return tmp_path


def test_shell_examples_run(folder):
    makefile = (ROOT / "Makefile").read_text()
    commands = [shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines()]
    kinds = {command[0] for command in commands if command}
    assert kinds == {"make", "pip", "fitroom"}
    for command in filter(None, commands):
        if command[0] == "make":
            assert f"\n{command[1]}: " in makefile
        if command[0] == "fitroom":
            result = CliRunner().invoke(main, command[1:])
            assert result.exit_code == 0, result.output
    assert read("out.png").shape == read("person.jpg").shape


def test_python_examples_run(folder):
    scope: dict = {}
    for block in blocks("python"):
        exec(block, scope)
    assert len(scope["looks"]) == 2
    assert read("out.png").shape == scope["looks"][0].shape


def test_command_table_lists_all_commands_and_only_existing_options():
    named = set()
    for words in re.findall(r"\| `fitroom ([^`]*)`", README):
        given = shlex.split(words)
        command, path = main, []
        while hasattr(command, "commands") and given and given[0] in command.commands:
            path.append(given[0])
            command = command.commands[given.pop(0)]
        named.add(" ".join(path))
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in given if word.startswith("-")} <= known, words
    leaves = {name for name, command in main.commands.items() if not hasattr(command, "commands")}
    leaves |= {f"{group} {name}" for group, g in main.commands.items() if hasattr(g, "commands") for name in g.commands}
    assert named == leaves


def test_relative_links_point_to_existing_files():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_extras_named_in_the_readme_exist():
    pyproject = (ROOT / "pyproject.toml").read_text()
    for extra in re.findall(r"'\.\[(\w+)\]'", README):
        assert f"\n{extra} = [" in pyproject
