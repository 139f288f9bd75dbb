"""Test that docs/commands.md is up to date."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_commands_page_agrees_with_the_help_texts():
    spec = importlib.util.spec_from_file_location("write_commands", ROOT / "tools" / "write_commands.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert (ROOT / tool.PAGE).read_text() == tool.page(), "run: python tools/write_commands.py"
