"""The import rules between modules, checked by import-linter.

    python tests/walls.py

Plugins are all packages in plugins/, so you need not list a new one by hand. Imports for type
checkers count too, since they are dependencies. If a function itself imports torch, the check
does not follow that import.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from importlinter import cli

ROOT = Path(__file__).parents[1]
# A room imports only rooms below it, which follow it here.
ROOMS = """
    __main__
    testing
    command
    making
    optimizing
    building
    vetting
    planning
    models
    recording
    naming
    discovery
    pictures
    contract
    modelfile
    tensorfile
    guests
    coherence : entropy : extras : files : lazy : matching : version
    missing : precision
    disabling
    errors : placing
    spelling
"""
# Modules without torch, and without modules that would import it.
LIGHT = ("contract", "discovery", "naming", "recording", "planning", "models")
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir())


def rules() -> str:
    """Return import-linter's configuration."""
    rooms = ROOMS.strip().replace(":", "|")
    light = "\n    ".join(f"stylize.{room}" for room in LIGHT)
    packages = "\n    ".join(("stylize", *PLUGINS))
    return f"""
[importlinter]
root_packages =
    {packages}
include_external_packages = True
exclude_type_checking_imports = False

[importlinter:contract:rooms]
name = A room of the core imports only rooms below it
type = layers
containers = stylize
layers =
    {rooms}
exhaustive = True

[importlinter:contract:circles]
name = No module imports itself, directly or through others
type = acyclic_siblings
ancestors =
    {packages}

[importlinter:contract:plugins]
name = The core imports no plugin, and plugins never import each other
type = layers
layers =
    {" | ".join(PLUGINS)}
    stylize

[importlinter:contract:torch]
name = Planning imports no torch
type = forbidden
source_modules =
    {light}
forbidden_modules =
    torch
    torchvision
    numpy
ignore_imports =
    stylize.contract.** -> torch
    stylize.modelfile -> torch
    stylize.tensorfile -> torch
"""


def main() -> int:
    """Check, print broken rules, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "walls.ini"
        config.write_text(rules(), encoding="utf-8")
        sys.path[:0] = [str(ROOT / "core"), str(ROOT / "plugins")]
        return cli.lint_imports(config_filename=str(config), no_cache=True)


if __name__ == "__main__":
    sys.exit(main())
