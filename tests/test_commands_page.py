"""Test that docs/commands.md agrees with the help texts."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_commands_page_agrees_with_the_help_texts(tmp_path):
    # in a process of its own: other packages that tests import change click's defaults
    subprocess.run([sys.executable, ROOT / "tools/write_commands.py", tmp_path / "page.md"], check=True)
    made = (tmp_path / "page.md").read_text()
    assert (ROOT / "docs/commands.md").read_text() == made, "run: python tools/write_commands.py"
