"""The session: shows and records the newest frame in the chosen style, with strokes held still."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from stylize import ClipStylizer, Stylizer, fit_size, resize, write_image
from stylize.command import format_seconds
from stylize_webcam.cameras import Camera, Pixels
from stylize_webcam.recording import Recording
from stylize_webcam.windows import Window

__all__ = ["Session"]

# Seconds over which the title's rate is averaged.
RATE_OVER = 2.0


class Session:
    """Shows a camera's pictures until a key, the time limit or the camera ends the session.

    Args:
        stylizers: by the name of their style, in the order of the number keys.
        size: longer side of the pictures in pixels.
        temporal: whether strokes are held still.
        window: None shows nothing.
        folder: for snapshots and recordings that the key r starts.
        tell: called with each message for the user.

    Attributes:
        shown: number of pictures made.
    """

    def __init__(
        self,
        camera: Camera,
        stylizers: dict[str, Stylizer],
        *,
        size: int,
        temporal: bool,
        window: Window | None,
        folder: Path,
        tell: Callable[[str], None],
    ) -> None:
        self.camera, self.stylizers = camera, stylizers
        self.size, self.temporal = size, temporal
        self.window, self.folder, self.tell = window, folder, tell
        self.shown = 0
        self._recording: Recording | None = None
        self._recorded_from = 0.0
        self._times: list[float] = []
        self._choose(next(iter(stylizers)))

    def run(self, stop: Callable[[], bool], output: Path | None, *, force: bool) -> None:
        """Show pictures until `stop` returns true.

        Args:
            output: a file that records all of them.

        Raises: StylizeError; even then a recording is kept.
        """
        started = time.monotonic()
        try:
            while not stop() and (frame := self.camera.next()) is not None:
                picture = self._make(frame)
                if output is not None:
                    self._start_recording(output, picture, force=force)
                    output = None
                self._record(picture)
                if self.window is not None and self._press(
                    self.window.show(picture, self._title()), picture
                ):
                    break
        finally:
            self._stop_recording()
        self._summarize(time.monotonic() - started)

    def _choose(self, style: str) -> None:
        self.style = style
        self._clip = ClipStylizer(self.stylizers[style], [], self.temporal)

    def _make(self, frame: Pixels) -> Pixels:
        pixels = torch.from_numpy(frame).permute(2, 0, 1).unsqueeze(0)
        width, height = fit_size(frame.shape[1], frame.shape[0], self.size)
        picture = self._clip(resize(pixels, (height, width)))
        self.shown += 1
        now = time.monotonic()
        self._times = [*(past for past in self._times if now - past < RATE_OVER), now]
        made: Pixels = picture[0].permute(1, 2, 0).contiguous().numpy()
        return made

    def _title(self) -> str:
        number = [*self.stylizers].index(self.style) + 1
        since = self._times[-1] - self._times[0]
        rate = f"{(len(self._times) - 1) / since:.1f} per second" if since else "starting"
        recording = ", recording" if self._recording else ""
        return f"{number} {self.style}, {rate}{recording} (1-9 style, r record, s snapshot, q quit)"

    def _press(self, key: str, picture: Pixels) -> bool:
        """Act on a key, and return whether it ends the session."""
        if key.isdecimal() and 1 <= int(key) <= len(self.stylizers):
            self._choose([*self.stylizers][int(key) - 1])
        elif key == "r" and self._recording:
            self._stop_recording()
        elif key == "r":
            self._start_recording(self._free_name(".mp4"), picture, force=False)
        elif key == "s":
            self._take_snapshot(picture)
        return key == "q"

    def _take_snapshot(self, picture: Pixels) -> None:
        path = self._free_name(".png")
        pixels = torch.from_numpy(picture).permute(2, 0, 1).unsqueeze(0)
        record = {**self.stylizers[self.style].setup_record(), "camera": self.camera.name}
        write_image(pixels, path, record=record)
        self.tell(f"{path}: saved")

    def _free_name(self, suffix: str) -> Path:
        number = 1
        while (path := self.folder / f"webcam_{self.style}_{number}{suffix}").exists():
            number += 1
        return path

    def _start_recording(self, path: Path, picture: Pixels, *, force: bool) -> None:
        self._recording = Recording(path, picture.shape[1::-1], force=force)
        self._recorded_from = time.monotonic()

    def _record(self, picture: Pixels) -> None:
        if self._recording is not None:
            self._recording.write(picture, time.monotonic() - self._recorded_from)

    def _stop_recording(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            path = recording.finish()
            self.tell(f"{path}: {recording.pictures} pictures recorded")

    def _summarize(self, seconds: float) -> None:
        came, taken = self.camera.frames, self.camera.taken
        self.tell(
            f"{self.shown} pictures in {format_seconds(seconds)}, {self.shown / seconds:.1f} per "
            f"second; {came - taken} of the camera's {came} frames were dropped"
        )
