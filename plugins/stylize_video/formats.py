"""The file formats of videos, their contents and their encoders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stylize.errors import CodecMissingError, OutputError, SettingsError

__all__ = [
    "CONTAINERS",
    "Container",
    "Encoder",
    "choose_encoder",
    "numbered_pictures",
]


@dataclass(frozen=True)
class Container:
    """A file format.

    Args:
        format: FFmpeg's name for it.
        codecs: video codecs, best first.
        sound, text: codecs of sound and subtitles that players of such files know.
        options: options of FFmpeg's muxer.
    """

    format: str
    codecs: tuple[str, ...]
    sound: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Encoder:
    """One of FFmpeg's encoders.

    Args:
        name: FFmpeg's name for it.
        pixels: the pixel format of its input; RGB formats keep colours exactly.
        crf: the default crf, if the encoder has one.
        most: the largest crf.
        options: options of the encoder.
        least: the smallest (width, height) that it accepts.
        tag: the codec's name in MP4, if players need another one than FFmpeg's.
    """

    name: str
    pixels: str = "yuv420p"
    crf: float | None = None
    most: float = 51
    options: Mapping[str, str] = field(default_factory=dict)
    least: tuple[int, int] = (2, 2)
    tag: str | None = None


# A file written in fragments, each from one key frame to the next, can be played up to the point
# where writing ended for any reason. If all goes well, FFmpeg turns it into a plain file, but loses
# the last frames if a fragment begins within a group of frames (FFmpeg 8).
_MP4 = {"movflags": "+hybrid_fragmented+delay_moov+frag_keyframe"}
_MKV = {"cluster_time_limit": "2000"}
_MP4_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
_MP4_CODECS = ("h264", "hevc", "av1", "mpeg4")

# By extension.
CONTAINERS = {
    ".mp4": Container("mp4", _MP4_CODECS, _MP4_SOUND, frozenset({"mov_text"}), _MP4),
    ".m4v": Container("mp4", _MP4_CODECS, _MP4_SOUND, frozenset({"mov_text"}), _MP4),
    ".mov": Container(
        "mov",
        ("h264", "hevc", "mpeg4"),
        frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s24le"}),
        frozenset({"mov_text"}),
        _MP4,
    ),
    ".mkv": Container(
        "matroska",
        ("h264", "hevc", "av1", "vp9", "mpeg4", "ffv1"),
        frozenset({*_MP4_SOUND, "vorbis", "mp2", "dts", "truehd", "pcm_s16le", "pcm_s24le"}),
        frozenset({"subrip", "ass", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle"}),
        _MKV,
    ),
    ".webm": Container(
        "webm", ("vp9", "av1"), frozenset({"opus", "vorbis"}), frozenset({"webvtt"}), _MKV
    ),
    ".gif": Container("gif", ("gif",)),
}

# Encoders of each codec, best first.
ENCODERS: Mapping[str, tuple[Encoder, ...]] = {
    "h264": (
        Encoder("libx264", crf=18, options={"preset": "medium"}),
        Encoder("libopenh264"),
    ),
    "hevc": (
        Encoder(
            "libx265",
            crf=20,
            options={"x265-params": "log-level=error"},
            # Below a width of 49 pixels, x265 (build 216) writes beyond its own memory.
            least=(64, 16),
            tag="hvc1",
        ),
    ),
    "vp9": (
        Encoder(
            "libvpx-vp9",
            crf=24,
            most=63,
            options={"b": "0", "row-mt": "1", "deadline": "good", "cpu-used": "3"},
        ),
    ),
    "av1": (
        Encoder("libsvtav1", crf=24, most=63, options={"preset": "7"}),
        Encoder("libaom-av1", crf=24, most=63, options={"cpu-used": "6"}),
    ),
    "mpeg4": (Encoder("mpeg4"),),
    "ffv1": (Encoder("ffv1", pixels="bgr0"),),
    "gif": (Encoder("gif", pixels="pal8"),),
}

NUMBERED_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def choose_encoder(path: Path, codec: str, crf: float | None, there: Collection[str]) -> Encoder:
    """Return the encoder of a codec for a file; for "auto", the best one for such files.

    Args:
        there: names of the encoders in the installed FFmpeg.

    Raises:
        OutputError: the file cannot hold the codec, or its kind is unknown.
        CodecMissingError: FFmpeg has no encoder for it.
        SettingsError: `crf` is out of the encoder's range.
    """
    container = CONTAINERS[path.suffix.lower()]
    if codec != "auto" and codec not in container.codecs:
        others = ", ".join(s for s, c in CONTAINERS.items() if codec in c.codecs)
        raise OutputError(
            f"{path}: a {path.suffix.lower()} file holds {', '.join(container.codecs)}, not "
            f"{codec}: leave out --codec, or write {others}"
        )
    wanted = container.codecs if codec == "auto" else (codec,)
    for name in wanted:
        for encoder in ENCODERS[name]:
            if encoder.name in there:
                _check_crf(encoder, crf)
                return encoder
    able = [
        f"{name} ({encoder.name})"
        for name in container.codecs
        for encoder in ENCODERS[name]
        if encoder.name in there
    ]
    needed = ", ".join(encoder.name for name in wanted for encoder in ENCODERS[name])
    raise CodecMissingError(
        f"{path}: the installed FFmpeg has none of the encoders {needed}: "
        + (f"use --codec with one of {', '.join(able)}" if able else "write another kind of file")
        + ", or install PyAV from its own wheels (pip install --force-reinstall av)"
    )


def _check_crf(encoder: Encoder, crf: float | None) -> None:
    if crf is None:
        return
    if encoder.crf is None:
        raise SettingsError(f"crf is {crf:g}: {encoder.name} has none: leave it out")
    if crf > encoder.most:
        raise SettingsError(
            f"crf is {crf:g}: for {encoder.name} it is 0 (best) to {encoder.most:g}, and "
            f"{encoder.crf:g} by default"
        )


def numbered_pictures(output: str | Path) -> tuple[Path, str] | None:
    """Return the folder and the name pattern of an output such as frames/%06d.png; else None.

    Raises: OutputError for a pattern of files that are not pictures.
    """
    path = Path(output)
    try:
        one, two = path.name % 1, path.name % 2
    except (TypeError, ValueError):
        return None
    if one == two:
        return None
    if path.suffix.lower() not in NUMBERED_SUFFIXES:
        raise OutputError(
            f"{path}: numbered pictures end in {', '.join(NUMBERED_SUFFIXES)}, not "
            f"{path.suffix or 'nothing'}: use a name such as %06d.png"
        )
    return path.parent, path.name
