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
# documents of the present: experiments and the changelog name commands of their time, results.md those of its rows
PAGES = [
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
    if path.name not in ("CHANGELOG.md", "MODEL_CARD.md", "results.md", "commands.md")
]


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
    commands = [shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines()]
    kinds = {command[0] for command in commands if command}
    assert kinds == {"pip", "fitroom"}
    for command in filter(None, commands):
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


def commands_in(text: str) -> list[str]:
    """Find the fitroom commands in the code of a Markdown page; continued lines are joined."""
    joined = re.sub(r"\\\n\s*", "", text)
    blocks = re.findall(r"```\w*\n(.*?)```", joined, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`(fitroom [^`\n]+)`", re.sub(r"```.*?```", "", joined, flags=re.DOTALL))
    return [line for line in (*lines, *inline) if line.startswith("fitroom ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_documents_exist_with_their_options(page):
    for words in commands_in(page.read_text()):
        given = shlex.split(words, comments=True)[1:]
        command = main
        while hasattr(command, "commands") and given and given[0] in command.commands:
            command = command.commands[given.pop(0)]
        # groups may be named alone, and ... or capitals stand for a command
        assert not (hasattr(command, "commands") and given and given[0].islower() and given[0].isalpha()), words
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        options = {word.partition("=")[0] for word in given if re.match(r"-{1,2}[a-z]", word)}
        assert options <= known | {"--help", "--version"}, words


def test_relative_links_point_to_existing_files():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_extras_named_in_the_readme_exist():
    pyproject = (ROOT / "pyproject.toml").read_text()
    named = set(re.findall(r"'\.\[([a-z]+)\]'", README))
    assert named >= {"serve", "batch", "train"}
    for extra in named:
        assert f"\n{extra} = [" in pyproject
