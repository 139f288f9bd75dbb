"""Test of the command line that is recorded with measurements."""

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
def test_command_is_formatted_for_the_shell(monkeypatch, arguments, said):
    monkeypatch.setattr(sys, "argv", arguments)
    assert command() == said
