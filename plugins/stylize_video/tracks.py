"""Sound, subtitles and chapters of a clip, copied to its new pictures."""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylize.command import import_extra
from stylize_video.container import open_container, video_errors
from stylize_video.formats import Container
from stylize_video.frames import Tell
from stylize_video.settings import clock
from stylize_video.timeline import LONGEST, Timeline
from stylize_video.trackwriters import CopiedTrack, SoundTrack, TextTrack, Track, fits

__all__ = ["Tracks"]

TEXT_FORMATS = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})
# Number of packets in a trial of writing a track, and number of packets read to find them.
SAMPLE, READ = 8, 2000
# Duration of a packet without one.
STEP = {"audio": Fraction(1, 50), "subtitle": Fraction(1, 1000)}
NAMES = {"audio": "sound", "subtitle": "subtitles"}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
FOR_EVER = Fraction(10**9)


class Tracks:
    """The other tracks of a clip's file, read separately as far as the pictures are written.

    Packets are copied unchanged if players of the new file know their codec. They are encoded again
    if not, or if a trial in memory shows that the file cannot hold them, and left out if that fails
    too. A line reports each case.

    Args:
        source: the clip.
        target: the open output.
        kind: format of the output.
        origin: time in the clip, in seconds, that is 0 in the output.
        end: time in the clip at which the output ends; None for the clip's own end.
        tell: receives warnings.
    """

    def __init__(
        self,
        source: Path,
        target: Any,
        kind: Container,
        *,
        origin: Fraction,
        end: Fraction | None,
        tell: Tell,
    ) -> None:
        self._target = target
        self._tell = tell
        self._path = source
        self._container = open_container(source)
        base = Fraction(max(self._container.start_time or 0, 0), 1_000_000)
        # The start and the end of the output, on the clock of the file.
        self._zero = base + origin
        # In a whole clip, sound from before 0 is kept, as encoders put their priming samples there.
        self._begin = self._zero if origin > 0 else None
        self._end = None if end is None else base + end
        self._tracks: dict[int, Track] = {}
        self._timelines: dict[int, Timeline] = {}
        self._refused: set[int] = set()
        self._errors = import_extra("av.error", "video", "stylize video").FFmpegError
        others = sum(s.type not in (*NAMES, "video") for s in self._container.streams)
        if others:
            tell(f"{source}: {others} tracks of data or attachments are left out")
        for stream, sample in self._samples():
            if track := self._add(stream, kind, sample):
                self._tracks[stream.index] = track
                self._timelines[stream.index] = Timeline(
                    source,
                    NAMES[stream.type],
                    tell,
                    LONGEST if stream.type == "audio" else FOR_EVER,
                )
        self._copy_descriptions()
        if origin > 0 and self._tracks:
            with video_errors(source):
                self._container.seek(int(self._zero * 1_000_000), backward=True)
        self._packets = self._demux()
        self._held: Any = None

    def advance(self, time: Fraction | None) -> None:
        """Write all packets that begin before a time of the output, in seconds; None for all."""
        until = None if time is None else self._zero + time
        if self._end is not None:
            until = self._end if until is None else min(until, self._end)
        while held := self._held or next(self._packets, None):
            packet, start = held
            if until is not None and start >= until:
                self._held = held
                return
            self._held = None
            # A packet that began earlier belongs to the part if most of it does.
            middle = start + Fraction(packet.duration or 0) * packet.time_base / 2
            if self._begin is None or middle >= self._begin:
                self._write(packet, start)

    def finish(self) -> None:
        """Write the packets that encoders still hold."""
        for track in self._tracks.values():
            with contextlib.suppress(self._errors):  # packets that were rejected before
                track.finish()

    def close(self) -> None:
        """Close the clip."""
        self._container.close()

    def _write(self, packet: Any, start: Fraction) -> None:
        """Write a packet, or warn that the file does not accept it."""
        index, kind = packet.stream.index, packet.stream.type
        try:
            self._tracks[index].write(packet, start - self._zero)
        except self._errors as error:
            if error.errno in FULL:
                raise
            if index not in self._refused:
                self._refused.add(index)
                self._tell(
                    f"{self._path}: a part of its {NAMES[kind]} at {clock(start - self._zero)} is "
                    f"left out, as the new file does not accept it ({error.strerror})"
                )

    def _demux(self) -> Iterator[tuple[Any, Fraction]]:
        """Yield the packets of all tracks and their start times, skipping damaged ones."""
        streams = [self._container.streams[index] for index in self._tracks]
        if not streams:
            return
        packets = self._container.demux(*streams)
        for _ in range(1000):  # faults
            try:
                for packet in packets:
                    if packet.pts is not None and packet.size:
                        start = Fraction(packet.pts) * packet.time_base
                        length = Fraction(packet.duration or 0) * packet.time_base
                        if packet.stream.type == "subtitle" or not length:
                            length = STEP[packet.stream.type]
                        yield packet, self._timelines[packet.stream.index].place(start, length)
                return
            except self._errors:
                continue

    def _samples(self) -> Iterator[tuple[Any, list[Any]]]:
        """Yield each track of sound or text with its first packets, which are read separately."""
        wanted = [s for s in self._container.streams if s.type in NAMES]
        samples: dict[int, list[Any]] = {stream.index: [] for stream in wanted}
        known = [stream.index for stream in wanted if stream.codec_context is not None]
        with open_container(self._path) as other, contextlib.suppress(self._errors):
            packets = other.demux(*(other.streams[index] for index in known)) if known else ()
            for packet in itertools.islice(packets, READ):
                sample = samples[packet.stream.index]
                if len(sample) < SAMPLE and packet.pts is not None and packet.size:
                    sample.append(packet)
                if all(len(samples[index]) == SAMPLE for index in known):
                    break
            yield from ((stream, samples[stream.index]) for stream in wanted)

    def _add(self, stream: Any, kind: Container, sample: list[Any]) -> Track | None:
        """Add a stream to the output in the first way that works; else warn and return None."""
        name = NAMES[stream.type]
        if stream.codec_context is None:
            self._tell(f"{self._path}: a {stream.type} track of an unknown codec is left out")
            return None
        codec = stream.codec_context.codec.canonical_name
        reason = f"players of {kind.format} files do not know {codec}"
        if codec in (kind.sound if stream.type == "audio" else kind.text):
            if fits(CopiedTrack, "", stream, sample, kind):
                return CopiedTrack(self._target, stream, sample, "")
            reason = f"{kind.format} files do not accept it unchanged"
        make, new = self._encoding(stream.type, codec, kind)
        if not new or not fits(make, new, stream, sample, kind):
            self._tell(
                f"{self._path}: {name} in {codec} {'are' if name == 'subtitles' else 'is'} left "
                f"out, as {kind.format} files cannot hold {codec}: write .mkv to keep it"
            )
            return None
        self._tell(f"{self._path}: {name} in {codec} encoded again as {new}, as {reason}")
        return make(self._target, stream, sample, new)

    def _encoding(self, kind: str, codec: str, container: Container) -> tuple[type[Track], str]:
        """Return how to encode a track again, and the codec; "" if that is impossible."""
        if kind == "audio":
            return SoundTrack, self._target.default_audio_codec
        texts = sorted(container.text & TEXT_FORMATS)
        return TextTrack, texts[0] if texts and codec in TEXT_FORMATS else ""

    def _copy_descriptions(self) -> None:
        """Copy the title, date and other metadata, and the chapters of the kept part."""
        own = {"comment", "encoder", "major_brand", "minor_version", "compatible_brands"}
        for key, value in self._container.metadata.items():
            if key.lower() not in own:
                self._target.metadata[key] = value
        chapters = []
        for chapter in self._container.chapters():
            base = chapter["time_base"] or Fraction(1, 1000)
            start, end = chapter["start"] * base - self._zero, chapter["end"] * base - self._zero
            if self._end is not None:
                end = min(end, self._end - self._zero)
            if end > max(start, 0):
                shifted = {"start": round(max(start, 0) / base), "end": round(end / base)}
                chapters.append({**chapter, **shifted})
        if chapters:
            self._target.set_chapters(chapters)
