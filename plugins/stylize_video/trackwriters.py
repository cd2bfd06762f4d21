"""The ways to write a track of sound or text: copied, or encoded again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from typing import Any

from stylize.command import import_extra
from stylize_video.formats import Container

__all__ = ["CopiedTrack", "SoundTrack", "TextTrack", "Track", "fits"]

# By number of channels. Sound with other layouts is mixed down, as not all encoders know them.
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
USUAL_RATE = 48_000


class Track(ABC):
    """One track of an output.

    Args:
        target: the open output.
        source: the clip's stream.
        sample: its first packets.
        codec: FFmpeg's codec, if it is encoded again.
    """

    stream: Any

    @abstractmethod
    def __init__(self, target: Any, source: Any, sample: Sequence[Any], codec: str) -> None: ...

    @abstractmethod
    def write(self, packet: Any, time: Fraction) -> None:
        """Take a packet of the clip, which begins at a time of the output, in seconds."""

    def finish(self) -> None:  # noqa: B027  (most tracks hold nothing back)
        """Write everything that is still held."""

    def _take_descriptions(self, source: Any) -> None:
        self.stream.metadata.update(
            {k: v for k, v in source.metadata.items() if k in ("language", "title", "handler_name")}
        )
        self.stream.disposition = source.disposition


def fits(way: type[Track], codec: str, source: Any, sample: Sequence[Any], kind: Container) -> bool:
    """Whether a file format accepts a track written in this way, by a trial in memory."""
    av = import_extra("av", "video", "stylize video")
    try:
        with av.open(
            BytesIO(), "w", format=kind.format, container_options=dict(kind.options)
        ) as trial:
            track = way(trial, source, sample, codec)
            for packet in sample:
                shifted = Fraction(packet.pts - sample[0].pts) * packet.time_base
                track.write(_copy(packet), shifted)
            track.finish()
    except (av.error.FFmpegError, ValueError, TypeError, RuntimeError):  # PyAV raises many kinds
        return False
    return True


def _copy(packet: Any) -> Any:
    """Return a copy of a packet that may be changed and decoded."""
    av = import_extra("av", "video", "stylize video")
    copy = av.Packet(bytes(packet))
    if packet.stream is not None:
        copy.stream = packet.stream
    copy.time_base = packet.time_base
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.is_keyframe = packet.is_keyframe
    return copy


class CopiedTrack(Track):
    """Packets that are unchanged except for their times."""

    def __init__(self, target: Any, source: Any, sample: Sequence[Any], codec: str) -> None:
        del codec
        self._target = target
        self.stream = target.add_stream_from_template(source)
        self._take_descriptions(source)
        self._filter = None
        context = source.codec_context
        if context.codec.canonical_name == "aac" and not context.extradata and sample:
            # MPEG-TS has a header before each packet (ADTS), other formats have a single one.
            filters = import_extra("av.bitstream", "video", "stylize video")
            self._filter = filters.BitStreamFilterContext("aac_adtstoasc", source)
            first = filters.BitStreamFilterContext("aac_adtstoasc", source).filter(_copy(sample[0]))
            for data in first[0].iter_sidedata() if first else ():
                if data.data_type == "new_extradata":
                    self.stream.codec_context.extradata = bytes(data)

    def write(self, packet: Any, time: Fraction) -> None:
        late = 0 if packet.dts is None else packet.pts - packet.dts
        packet.pts = round(time / packet.time_base)
        packet.dts = packet.pts - late
        for filtered in self._filter.filter(packet) if self._filter else [packet]:
            # Without its side data, which in MKV would be a second list of tracks.
            plain = _copy(filtered) if self._filter else filtered
            plain.stream = self.stream
            self._target.mux(plain)


class SoundTrack(Track):
    """Sound that is encoded again."""

    def __init__(self, target: Any, source: Any, sample: Sequence[Any], codec: str) -> None:
        del sample
        av = import_extra("av", "video", "stylize video")
        context = source.codec_context
        known = av.Codec(codec, "w").audio_rates
        rate = context.rate if not known or context.rate in known else USUAL_RATE
        self._target = target
        self.stream = target.add_stream(codec, rate=rate)
        self._take_descriptions(source)
        encoder = self.stream.codec_context
        encoder.layout = LAYOUTS.get(context.layout.nb_channels, "stereo")
        encoder.bit_rate = 96_000 * encoder.layout.nb_channels
        self._resampler: Any = None
        self._shape: object = None
        self._errors = av.error.FFmpegError

    def write(self, packet: Any, time: Fraction) -> None:
        try:
            frames = packet.decode()
        except self._errors:  # damaged: the next packet may be good
            return
        for frame in frames:
            frame = _name_channels(frame)
            if frame.pts is not None:
                frame.pts = round(time / frame.time_base)
            time += Fraction(frame.samples, frame.sample_rate)
            self._adapt(frame)
            self._encode(frame)

    def finish(self) -> None:
        if self._resampler:
            self._encode(None)
        self._target.mux(self.stream.encode(None))

    def _adapt(self, frame: Any) -> None:
        """Make the resampler for incoming frames, whose format may change within a clip."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape == self._shape:
            return
        if self._resampler:
            self._encode(None)
        av = import_extra("av", "video", "stylize video")
        encoder = self.stream.codec_context
        self._shape = shape
        self._resampler = av.AudioResampler(encoder.format, encoder.layout, encoder.rate)

    def _encode(self, frame: Any) -> None:
        for resampled in self._resampler.resample(frame):
            self._target.mux(self.stream.encode(resampled))


def _name_channels(frame: Any) -> Any:
    """Return a frame with named channels: PCM often gives only their number."""
    layout = LAYOUTS.get(frame.layout.nb_channels)
    if layout is None or "channels" not in frame.layout.name:
        return frame
    av = import_extra("av", "video", "stylize video")
    named = av.AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, layout)
    named.sample_rate, named.time_base, named.pts = frame.sample_rate, frame.time_base, frame.pts
    return named


class TextTrack(Track):
    """Subtitles that are encoded again."""

    def __init__(self, target: Any, source: Any, sample: Sequence[Any], codec: str) -> None:
        del sample
        self._target = target
        self.stream = target.add_stream(codec)
        self._take_descriptions(source)
        self._decoder = source.codec_context
        self._decoder.open(strict=False)
        self.stream.codec_context.subtitle_header = self._decoder.subtitle_header
        self.stream.codec_context.time_base = Fraction(1, 1000)
        self._number = 0

    def write(self, packet: Any, time: Fraction) -> None:
        av = import_extra("av.subtitles.subtitle", "video", "stylize video")
        decoded = self._decoder.decode2(packet)
        if decoded is None:
            return
        start = round(time * 1000)
        length = round(Fraction(packet.duration or 0) * packet.time_base * 1000)
        for line in decoded:
            self._number += 1
            fields = line.ass.split(b",", 1)
            text = b",".join((str(self._number).encode(), *fields[1:]))
            made = av.SubtitleSet.create(text=text, start=0, end=length, pts=start)
            written = self.stream.codec_context.encode_subtitle(made)
            written.stream = self.stream
            written.time_base = Fraction(1, 1000)
            self._target.mux(written)
