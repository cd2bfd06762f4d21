"""Sound, subtitles and chapters of a clip, copied beside its new pictures."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylize.command import import_extra
from stylize_video.container import open_container, video_errors
from stylize_video.formats import Container
from stylize_video.frames import Tell

__all__ = ["Tracks"]

# By how many there are; encoders do not know all the others. What has other channels is mixed down.
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
TEXT_FORMATS = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})


class Tracks:
    """What else is in a clip's file, read on its own as far as the pictures are written.

    Packets are copied as they are where players of the new file know their codec, and encoded
    anew where they do not.

    Args:
        source: the clip.
        target: the open output.
        kind: of the output.
        origin: time in the clip, in seconds, that is 0 in the output.
        end: time in the clip at which the output ends; None for the clip's own end.
        tell: gets warnings.
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
        # Zero of the output, and the end, on the clock of the file.
        self._zero = base + origin
        # Of a whole clip sound is kept from before 0 on, where encoders put what primes them.
        self._begin = self._zero if origin > 0 else None
        self._end = None if end is None else base + end
        self._tracks: dict[int, _Track] = {}
        for stream in self._container.streams:
            if stream.type in ("audio", "subtitle") and (track := self._add(stream, kind)):
                self._tracks[stream.index] = track
        self._copy_descriptions()
        if origin > 0 and self._tracks:
            with video_errors(source):
                self._container.seek(int(self._zero * 1_000_000), backward=True)
        self._packets = self._demux()
        self._held: Any = None

    def advance(self, time: Fraction | None) -> None:
        """Write what begins before a time of the output, in seconds; None: all there is."""
        until = None if time is None else self._zero + time
        if self._end is not None:
            until = self._end if until is None else min(until, self._end)
        while (packet := self._held or next(self._packets, None)) is not None:
            start = Fraction(packet.pts) * packet.time_base
            if until is not None and start >= until:
                self._held = packet
                return
            self._held = None
            # What began before belongs to the part if most of it does.
            middle = start + Fraction(packet.duration or 0) * packet.time_base / 2
            if self._begin is None or middle >= self._begin:
                self._tracks[packet.stream.index].write(packet)

    def finish(self) -> None:
        """Write what encoders still hold."""
        for track in self._tracks.values():
            track.finish()

    def close(self) -> None:
        """Close the clip."""
        self._container.close()

    def _demux(self) -> Iterator[Any]:
        """Give the packets of all tracks, with what is damaged left out."""
        error = import_extra("av.error", "video", "stylize video")
        streams = [self._container.streams[index] for index in self._tracks]
        if not streams:
            return
        packets = self._container.demux(*streams)
        for _ in range(1000):  # faults
            try:
                for packet in packets:
                    if packet.pts is not None and packet.size:
                        yield packet
                return
            except error.FFmpegError:
                continue

    def _add(self, stream: Any, kind: Container) -> _Track | None:
        """Add a stream to the output, copied or encoded; None where neither is possible."""
        sound = stream.type == "audio"
        if stream.codec_context is None:
            self._tell(f"{self._path}: a {stream.type} track of an unknown codec is left out")
            return None
        codec = stream.codec_context.codec.canonical_name
        if codec in (kind.sound if sound else kind.text):
            return _Copied(self._target, stream, self._zero)
        if sound:
            new = self._target.default_audio_codec
        else:
            new = next(iter(sorted(kind.text & TEXT_FORMATS)), None)
            if codec not in TEXT_FORMATS or new is None:
                self._tell(
                    f"{self._path}: subtitles in {codec} are left out, which {kind.format} files "
                    f"cannot hold: write .mkv to keep them"
                )
                return None
        self._tell(
            f"{self._path}: {'sound' if sound else 'subtitles'} in {codec} encoded anew as {new}, "
            f"as players of {kind.format} files do not know {codec}"
        )
        return (_Sound if sound else _Text)(self._target, stream, self._zero, new)

    def _copy_descriptions(self) -> None:
        """Copy title, date and the like, and the chapters of the part that is kept."""
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


class _Track:
    """One track of the output."""

    def __init__(self, target: Any, source: Any, zero: Fraction, stream: Any) -> None:
        self.target = target
        self.zero = zero
        self.stream = stream
        stream.metadata.update(
            {k: v for k, v in source.metadata.items() if k in ("language", "title", "handler_name")}
        )
        stream.disposition = source.disposition

    def write(self, packet: Any) -> None:
        """Take a packet of the clip."""
        raise NotImplementedError

    def finish(self) -> None:
        """Write what is still held."""


class _Copied(_Track):
    """Packets as they are, but for their times."""

    def __init__(self, target: Any, source: Any, zero: Fraction) -> None:
        super().__init__(target, source, zero, target.add_stream_from_template(source))

    def write(self, packet: Any) -> None:
        shift = round(self.zero / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.stream = self.stream
        self.target.mux(packet)


class _Sound(_Track):
    """Sound that is encoded anew."""

    def __init__(self, target: Any, source: Any, zero: Fraction, codec: str) -> None:
        av = import_extra("av", "video", "stylize video")
        context = source.codec_context
        rate = 48_000 if codec == "libopus" else context.rate
        super().__init__(target, source, zero, target.add_stream(codec, rate=rate))
        encoder = self.stream.codec_context
        channels = context.layout.nb_channels
        self._layout = LAYOUTS.get(channels, "stereo")
        encoder.layout = self._layout
        encoder.bit_rate = 96_000 * encoder.layout.nb_channels
        # PCM often says how many channels it has, and not which: then these.
        self._unnamed = "channels" in context.layout.name and channels in LAYOUTS
        self._resampler = av.AudioResampler(encoder.format, encoder.layout, rate)
        self._errors = av.error.FFmpegError

    def write(self, packet: Any) -> None:
        try:
            frames = packet.decode()
        except self._errors:  # damaged: the next packet may do
            return
        for frame in frames:
            frame = self._name_channels(frame) if self._unnamed else frame
            if frame.pts is not None:
                frame.pts -= round(self.zero / frame.time_base)
            self._encode(frame)

    def finish(self) -> None:
        self._encode(None)
        self.target.mux(self.stream.encode(None))

    def _name_channels(self, frame: Any) -> Any:
        av = import_extra("av", "video", "stylize video")
        named = av.AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, self._layout)
        named.sample_rate, named.time_base, named.pts = (
            frame.sample_rate,
            frame.time_base,
            frame.pts,
        )
        return named

    def _encode(self, frame: Any) -> None:
        for resampled in self._resampler.resample(frame):
            self.target.mux(self.stream.encode(resampled))


class _Text(_Track):
    """Subtitles that are encoded anew."""

    def __init__(self, target: Any, source: Any, zero: Fraction, codec: str) -> None:
        super().__init__(target, source, zero, target.add_stream(codec))
        self._decoder = source.codec_context
        self._decoder.open(strict=False)
        self.stream.codec_context.subtitle_header = self._decoder.subtitle_header
        self.stream.codec_context.time_base = Fraction(1, 1000)
        self._number = 0

    def write(self, packet: Any) -> None:
        av = import_extra("av.subtitles.subtitle", "video", "stylize video")
        decoded = self._decoder.decode2(packet)
        if decoded is None:
            return
        start = round((Fraction(packet.pts) * packet.time_base - self.zero) * 1000)
        length = round(Fraction(packet.duration or 0) * packet.time_base * 1000)
        for line in decoded:
            self._number += 1
            fields = line.ass.split(b",", 1)
            text = b",".join((str(self._number).encode(), *fields[1:]))
            made = av.SubtitleSet.create(text=text, start=0, end=length, pts=start)
            written = self.stream.codec_context.encode_subtitle(made)
            written.stream = self.stream
            written.time_base = Fraction(1, 1000)
            self.target.mux(written)
