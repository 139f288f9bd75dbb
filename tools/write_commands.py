"""Write docs/commands.md from the help of every command: tools/write_commands.py [PAGE], from the project's root."""

import sys
from pathlib import Path

import click

from fitroom.cli import main

PAGE = Path("docs/commands.md")
WIDTH = 100  # characters of a line of help
HEAD = """# Commands

The help of every command, written by `python tools/write_commands.py`. A test checks that this page is current.
The [README](../README.md) says which extra a command needs.
"""


def helps(command: click.Command, name: str, parent: click.Context | None = None) -> list[tuple[str, str]]:
    """Return name and help of a command and of those below it, in the order of the help."""
    context = click.Context(command, info_name=name.split()[-1], parent=parent, terminal_width=WIDTH)
    found = [(name, command.get_help(context))]
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            one = command.get_command(context, below)
            assert one is not None
            found += helps(one, f"{name} {below}", context)
    return found


def page() -> str:
    """Return the text of the page."""
    sections = [f"## {name}\n\n```\n{text}\n```\n" for name, text in helps(main, "fitroom")]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    Path(*sys.argv[1:2] or [PAGE]).write_text(page())
