"""The window, and the keys pressed in it."""

from __future__ import annotations

import os
import sys
from typing import Protocol

from stylize_webcam.cameras import Pixels, opencv

__all__ = ["OpenCVWindow", "Window", "why_no_window"]

TITLE = "stylize webcam"
ESCAPE = 27


class Window(Protocol):
    """A window that shows pictures."""

    def show(self, picture: Pixels, title: str) -> str:
        """Show a picture (H, W, 3) and return the key pressed since the previous one, or ""."""

    def close(self) -> None:
        """Close the window."""


class OpenCVWindow:
    """An OpenCV window. Closing it counts as the key q."""

    def __init__(self) -> None:
        self._cv2 = opencv()
        self._cv2.namedWindow(TITLE, self._cv2.WINDOW_NORMAL)

    def show(self, picture: Pixels, title: str) -> str:
        self._cv2.imshow(TITLE, picture[..., ::-1])
        self._cv2.setWindowTitle(TITLE, title)
        code = self._cv2.waitKey(1) & 0xFF
        if code == ESCAPE or self._cv2.getWindowProperty(TITLE, self._cv2.WND_PROP_VISIBLE) < 1:
            return "q"
        return chr(code) if code < 128 else ""

    def close(self) -> None:
        self._cv2.destroyAllWindows()


def why_no_window() -> str | None:
    """Return why there can be no window, with the remedy; None if there can be one."""
    build = opencv().getBuildInformation()
    gui = next((line.split()[-1] for line in build.splitlines() if "GUI:" in line), "NONE")
    if gui == "NONE":
        return (
            "the installed OpenCV has no windows: pip uninstall opencv-python-headless, then "
            "pip install opencv-python"
        )
    # Without a screen, OpenCV's Qt would end the process.
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        return "there is no screen (DISPLAY is not set): run it on a desktop"
    return None
