"""The sources of frames: a camera, a file that plays as one, or a test pattern.

A camera does not wait. A thread takes its frames as they arrive and keeps the newest; frames that
nobody looked at in time are counted as dropped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from stylize.command import import_extra
from stylize.errors import StylizeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TEST", "Camera", "CameraError", "Pixels", "open_camera", "opencv"]

# (H, W, 3), sRGB, uint8.
Pixels: TypeAlias = "NDArray[np.uint8]"

TEST = "test"
# The test pattern's frames per second, and its (width, height).
TEST_RATE, TEST_SIZE = 30.0, (640, 480)
# Seconds that a camera may send nothing.
PATIENCE = 10.0


class CameraError(StylizeError):
    """A camera that does not exist, is in use, or stopped sending."""

    exit_code = 3


def opencv() -> Any:
    """Return OpenCV. Raises: ExtraMissingError."""
    cv2 = import_extra("cv2", "video", "stylize webcam")
    # Our own messages report a missing camera.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


class Camera:
    """A camera that is being read.

    Args:
        name: for messages.
        read: returns the next frame, or None at the end.
        rate: frames per second of a source that does not wait by itself; 0 for a real camera.

    Attributes:
        taken, frames: how many frames were looked at, and how many arrived.
    """

    def __init__(self, name: str, read: Callable[[], Pixels | None], rate: float) -> None:
        self.name = name
        self.taken = self.frames = 0
        self._read, self._rate = read, rate
        self._newest: Pixels | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def next(self) -> Pixels | None:
        """Return the newest frame that was not looked at yet, or None at the end.

        Raises: CameraError if no frame arrives.
        """
        with self._changed:
            waiting = lambda: self._newest is not None or self._ended  # noqa: E731
            if not self._changed.wait_for(waiting, PATIENCE):
                raise CameraError(
                    f"camera {self.name}: sent nothing for {PATIENCE:.0f} s: plug it in again"
                )
            frame, self._newest = self._newest, None
            self.taken += frame is not None
            return frame

    def close(self) -> None:
        """Stop reading."""
        with self._changed:
            self._ended = True
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        started = time.monotonic()
        while not self._ended:
            try:
                frame = self._read()
            except Exception:  # a driver's: it gives no more frames
                frame = None
            with self._changed:
                if frame is None:
                    self._ended = True
                else:
                    self._newest = frame
                    self.frames += 1
                self._changed.notify()
            if self._rate:
                due = started + self.frames / self._rate
                time.sleep(max(0.0, due - time.monotonic()))


@contextmanager
def open_camera(name: str) -> Iterator[Camera]:
    """Open a camera by its number, a video file, or the test pattern.

    Raises: CameraError; ExtraMissingError.
    """
    cv2 = opencv()
    if name == TEST:
        camera = Camera(name, _pattern().__next__, TEST_RATE)
        try:
            yield camera
        finally:
            camera.close()
        return
    if not name.isdecimal() and not Path(name).is_file():
        raise CameraError(
            f"camera {name}: is neither a number such as 0, nor a file, nor {TEST}: check the name"
        )
    capture = cv2.VideoCapture(int(name) if name.isdecimal() else name)
    try:
        if not capture.isOpened():
            remedy = (
                "cannot be opened: check that it is connected, that no other program uses it and "
                "that you may read it, or try another number"
                if name.isdecimal()
                else "is not a video that OpenCV reads: convert it to MP4"
            )
            raise CameraError(f"camera {name}: {remedy}")

        def read() -> Pixels | None:
            there, frame = capture.read()
            return np.ascontiguousarray(frame[..., ::-1]) if there else None

        rate = 0.0 if name.isdecimal() else capture.get(cv2.CAP_PROP_FPS) or TEST_RATE
        camera = Camera(name, read, rate)
        try:
            yield camera
        finally:
            camera.close()
    finally:
        capture.release()


def _pattern() -> Iterator[Pixels]:
    """Yield endless frames: colours, and a moving disc."""
    width, height = TEST_SIZE
    y, x = np.mgrid[:height, :width]
    ground = np.stack([x * 255 // width, y * 255 // height, (x + y) % 64 * 4], -1).astype(np.uint8)
    number = 0
    while True:
        frame = ground.copy()
        angle = number / TEST_RATE
        center = (width / 2 + width / 3 * np.sin(angle), height / 2 + height / 4 * np.cos(angle))
        frame[(x - center[0]) ** 2 + (y - center[1]) ** 2 < (height / 8) ** 2] = 255, 220, 60
        yield frame
        number += 1
