"""Runs the command inside the test process, as a user would in a folder of pictures."""

from __future__ import annotations

from stylize.testing import CommandRunner
from stylize.testing.commandrunner import Outcome

__all__ = ["ENDLESS", "FAST", "SMALL", "STEPS", "Command", "Outcome"]

# In float32, since the probe of bfloat16 is not repeatable.
SMALL = ("--size", "48", "--precision", "float32")
# One evaluation gives the photograph itself; four give a picture that differs.
FAST = (*SMALL, "--method", "gatys", "--set", "gatys.iterations=1")
STEPS = (*SMALL, "--method", "gatys", "--set", "gatys.iterations=4")
ENDLESS = (*SMALL, "--method", "gatys", "--set", "gatys.iterations=100000")


class Command(CommandRunner):
    """`command("photo.png", "painting.png", *FAST)` runs that command line in `folder`."""

    @property
    def files(self) -> set[str]:
        """The folder's contents, subfolders included, without the photograph and the painting."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return {str(path) for path in found} - {"photo.png", "painting.png"}
