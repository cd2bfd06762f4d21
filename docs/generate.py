"""Writes the reference pages from the program itself: signatures, docstrings, schemas, files.

    python docs/generate.py

Do not edit the pages by hand: a test compares them with the output of this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

from _reference.command import command, exit_codes
from _reference.parts import model_file, models, presets, settings
from _reference.pluginapi import arguments_of, hooks, plugin_api

__all__ = ["PAGES", "arguments_of", "hooks", "main"]

HERE = Path(__file__).parent
PAGES = {
    "plugins/reference.md": plugin_api,
    "reference/cli.md": command,
    "reference/exit-codes.md": exit_codes,
    "reference/model-file.md": model_file,
    "reference/models.md": models,
    "reference/presets.md": presets,
    "reference/settings.md": settings,
}


def main() -> int:
    """Write all pages."""
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
