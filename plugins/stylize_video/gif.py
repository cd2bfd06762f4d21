"""Writing an animated GIF, frame by frame, each with its own palette."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylize.command import import_extra
from stylize_video.frames import ClipInfo, Pixels
from stylize_video.partfile import PartFile
from stylize_video.record import comment_of

__all__ = ["FASTEST", "GifWriter"]

# GIF counts in hundredths of a second, and browsers slow down frames shorter than two.
TICK = Fraction(1, 100)
FASTEST = Fraction(50)


class GifWriter:
    """An animated GIF that repeats forever.

    Args:
        path: path of the finished file.
        clip: the source clip.
        record: record of the run, for the file's comment.
        force: replace an existing file of that name in the end.
    """

    def __init__(
        self, path: Path, clip: ClipInfo, record: Mapping[str, Any] | None, *, force: bool
    ) -> None:
        av = import_extra("av", "video", "stylize video")
        self._record = record
        self._part = PartFile(path, force=force)
        self._last = -1
        width, height = clip.size
        self._graph = _palette_graph(width, height)
        self._container = av.open(
            self._part.url, "w", format="gif", container_options={"loop": "0"}
        )
        try:
            self._stream = self._container.add_stream("gif", rate=100)
            context = self._stream.codec_context
            context.width, context.height = width, height
            context.pix_fmt, context.time_base = "pal8", TICK
        except BaseException:
            self.drop()
            raise

    @property
    def path(self) -> Path:
        """The finished file."""
        return self._part.target

    def write(self, pixels: Pixels, time: Fraction, duration: Fraction) -> None:
        """Add a frame: (H, W, 3) uint8, shown from a time of the output on, in seconds."""
        av = import_extra("av", "video", "stylize video")
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.time_base = TICK
        frame.pts = self._last = max(round(time / TICK), self._last + 1)
        self._end = max(round((time + duration) / TICK), self._last + 1)
        self._graph.push(frame)
        self._pull()

    def finish(self, *, whole: bool = True) -> None:
        """End the file and give it its name."""
        del whole
        self._container.mux(self._stream.encode(None))
        self._container.close()
        if self._record is not None:
            insert_comment(self._part.path, comment_of(self._record))
        self._part.keep()

    def keep_playable(self) -> tuple[int, Fraction] | None:
        """Keep the playable part of a file that cannot be ended, or remove it."""
        with contextlib.suppress(Exception):  # the cause of the failure may remain
            self._container.close()
        return self._part.keep_playable()

    def drop(self) -> None:
        """Remove everything that was written."""
        with contextlib.suppress(Exception):
            self._container.close()
        self._part.drop()

    def _pull(self) -> None:
        reduced = self._graph.pull()
        reduced.pts, reduced.time_base = self._last, TICK
        reduced.duration = self._end - self._last
        for packet in self._stream.encode(reduced):
            packet.duration = self._end - self._last
            self._container.mux(packet)


def _palette_graph(width: int, height: int) -> Any:
    """Return FFmpeg's filters that reduce each frame to its own 256 colours.

    The dither pattern is fixed: error diffusion would flicker from frame to frame.
    """
    filters = import_extra("av.filter", "video", "stylize video")
    graph = filters.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=TICK)
    split = graph.add("split")
    generate = graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
    use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=3")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(generate, 1, 0)
    generate.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


def insert_comment(path: Path, text: str) -> None:
    """Insert a comment into a GIF, before its first picture."""
    data = text.encode("ascii", "replace")
    blocks = [data[start : start + 255] for start in range(0, len(data), 255)]
    comment = b"\x21\xfe" + b"".join(bytes([len(b)]) + b for b in blocks) + b"\x00"
    target = path.with_name(f"{path.name}.tmp")
    try:
        with path.open("rb") as source, target.open("wb") as file:
            header = source.read(13)
            colours = 3 * 2 ** ((header[10] & 7) + 1) if header[10] & 0x80 else 0
            file.write(header + source.read(colours))
            file.write(comment)
            shutil.copyfileobj(source, file)
        target.replace(path)
    finally:
        target.unlink(missing_ok=True)
