"""What figures say of how they were made."""

import sys

import pytest

from fitroom.hardware import command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/usr/bin/fitroom", "evaluate", "--data", "my data"], "fitroom evaluate --data 'my data'"),
        (["/x/fitroom/__main__.py", "report"], "fitroom report"),
        (["tools/ship_networks.py", "parser"], "python tools/ship_networks.py parser"),
    ],
)
def test_commands_as_a_shell_takes_them(monkeypatch, arguments, said):
    monkeypatch.setattr(sys, "argv", arguments)
    assert command() == said
