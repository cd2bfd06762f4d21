"""Clips are read upright, in sRGB, at their own times; damaged parts are skipped and reported."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

av = pytest.importorskip("av")

from av.video.reformatter import ColorRange, Colorspace  # noqa: E402

from small_video import (  # noqa: E402
    CLOCKWISE,
    COLORS,
    bars,
    inspect_clip,
    make_clip,
    moving_square,
    number_of,
    turn_clip,
)
from stylize.errors import ImageError, UsageError, VideoError  # noqa: E402
from stylize_video.checking import check_clip  # noqa: E402
from stylize_video.colors import to_sdr  # noqa: E402
from stylize_video.decoding import VideoFile  # noqa: E402
from stylize_video.folder import PictureFolder  # noqa: E402
from stylize_video.frames import Frame, cut_out, resample, with_durations  # noqa: E402

NTSC = Fraction(30_000, 1001)


def read(path: Path, *, size=None, start=None, told=None):
    tell = [].append if told is None else told.append
    with VideoFile(path, size=size, start=start, tell=tell) as clip:
        return clip.info, list(clip)


def read_folder(folder: Path, *, size=None, start=None, rate=None, told=None):
    tell = [].append if told is None else told.append
    clip = PictureFolder(folder, size=size, start=start, rate=rate, max_pixels=10**6, tell=tell)
    return clip.info, list(clip)


# Times.


@pytest.mark.parametrize("rate", [Fraction(25), NTSC, Fraction(24_000, 1001), Fraction(60)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_are_exact_multiples_of_the_rate(tmp_path, rate, suffix):
    info, frames = read(make_clip(tmp_path / f"clip{suffix}", rate=rate, frames=12))
    assert info.rate == rate
    assert [frame.time for frame in frames] == [n / rate for n in range(12)]
    assert [number_of(frame.pixels) for frame in frames] == list(range(12))


def test_variable_times_are_kept(tmp_path):
    times = [0, 0.04, 0.13, 0.17, 0.4, 0.41]
    path = make_clip(tmp_path / "clip.mp4", frames=6, times=times)
    info, frames = read(path)
    assert [float(frame.time) for frame in frames] == pytest.approx(times, abs=1e-4)
    timed = list(with_durations(frames, info.rate))
    assert [float(f.duration) for f in timed[:-1]] == pytest.approx(np.diff(times), abs=2e-4)


def test_a_stream_that_does_not_start_at_0_starts_there_when_read(tmp_path):
    path = make_clip(tmp_path / "clip.ts", frames=8, sound="aac")
    with av.open(str(path)) as container:
        assert container.start_time > 0
    _, frames = read(path)
    assert 0 <= frames[0].time < Fraction(1, 10)
    assert frames[-1].time - frames[0].time == Fraction(7, 25)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_reading_starts_at_a_time_between_key_frames(tmp_path, suffix):
    path = make_clip(tmp_path / f"clip{suffix}", frames=20, options={"g": "8"})
    _, frames = read(path, start=Fraction(1, 2))
    first = 13 if suffix != ".ts" else number_of(frames[0].pixels)
    assert first in (12, 13)
    assert [number_of(frame.pixels) for frame in frames] == list(range(first, 20))


def test_a_part_ends_before_its_end():
    frames = [
        Frame(np.zeros((2, 2, 3), np.uint8), Fraction(n, 10), Fraction(1, 10)) for n in range(9)
    ]
    kept = list(cut_out(frames, Fraction(3, 10), Fraction(3, 20)))
    assert [frame.time for frame in kept] == [0, Fraction(1, 10), Fraction(2, 10)]


def test_a_frame_that_is_shown_for_long_is_cut_at_the_end():
    frame = Frame(np.zeros((2, 2, 3), np.uint8), Fraction(0), Fraction(10))
    (kept,) = cut_out([frame], Fraction(3), Fraction(1, 10))
    assert kept.duration == 3


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (25, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (50, [n // 2 for n in range(20)]),
        (Fraction(25, 2), [0, 2, 4, 6, 8]),
        (10, [0, 3, 5, 8]),
    ],
)
def test_frames_are_repeated_or_left_out_for_another_rate(rate, shown):
    frames = [
        Frame(np.full((1, 1, 3), n, np.uint8), Fraction(n, 25), Fraction(1, 25)) for n in range(10)
    ]
    made = list(resample(frames, Fraction(rate)))
    numbers = [int(frame.pixels[0, 0, 0]) for frame in made for _ in range(frame.repeats)]
    assert len(numbers) == len(shown)
    assert np.abs(np.subtract(numbers, shown)).max() <= 1
    starts = [frame.time + n * frame.duration for frame in made for n in range(frame.repeats)]
    assert starts == [n / Fraction(rate) for n in range(len(shown))]


def test_a_clip_shorter_than_a_frame_of_the_new_rate_is_one_frame():
    frame = Frame(np.zeros((1, 1, 3), np.uint8), Fraction(0), Fraction(1, 25))
    assert len(list(resample([frame], Fraction(1)))) == 1


# Sizes and orientation.


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        (CLOCKWISE, lambda p: np.rot90(p, -1)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
    ],
    ids=["clockwise", "counterclockwise", "upside down", "mirrored", "flipped"],
)
def test_clips_are_turned_upright(tmp_path, matrix, turned):
    picture = bars()
    picture[:20] //= 2
    path = make_clip(tmp_path / "clip.mp4", frames=[picture] * 3, layout="yuv444p")
    turn_clip(path, matrix)
    info, frames = read(path)
    expected = turned(picture)
    assert info.size == expected.shape[1::-1]
    assert np.abs(frames[0].pixels.astype(int) - expected).mean() < 3


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    path = make_clip(tmp_path / "clip.mp4", aspect=Fraction(4, 3))
    told: list[str] = []
    info, frames = read(path, told=told)
    assert info.size == (128, 64)
    assert frames[0].pixels.shape == (64, 128, 3)
    assert any("not square" in line for line in told)


@pytest.mark.parametrize(
    ("original", "size", "expected"),
    [((96, 64), 48, (48, 32)), ((97, 65), None, (97, 65)), ((97, 65), 200, (97, 65)),
     ((160, 90), 100, (100, 56))],
)  # fmt: skip
def test_what_is_made_smaller_has_even_sides(tmp_path, original, size, expected):
    picture = bars(*original)
    path = make_clip(tmp_path / "clip.mkv", frames=[picture] * 2, codec="ffv1", layout="bgr0")
    info, frames = read(path, size=size)
    assert info.original_size == original
    assert info.size == expected
    assert frames[0].pixels.shape[1::-1] == expected


# Colours.


@pytest.mark.parametrize("matrix", [Colorspace.ITU709, Colorspace.ITU601])
@pytest.mark.parametrize("range_", [ColorRange.MPEG, ColorRange.JPEG])
def test_colours_are_those_that_went_in(tmp_path, matrix, range_):
    path = make_clip(tmp_path / "clip.mp4", frames=[bars()] * 3, matrix=matrix, range_=range_)
    _, frames = read(path)
    middle = frames[1].pixels[32, 12::24].astype(int)
    assert np.abs(middle - COLORS).max() <= 4


def test_colours_that_do_not_say_their_matrix_are_taken_as_players_do(tmp_path):
    for size, matrix in (((96, 64), Colorspace.ITU601), ((1280, 64), Colorspace.ITU709)):
        written = make_clip(tmp_path / "said.mkv", frames=[bars(*size)] * 2, matrix=matrix)
        # The same pictures without their tags.
        with av.open(str(written)) as said, av.open(str(tmp_path / "silent.mkv"), "w") as silent:
            stream = silent.add_stream("rawvideo", rate=25)
            stream.codec_context.width, stream.codec_context.height = size
            stream.codec_context.pix_fmt = "yuv420p"
            for number, frame in enumerate(said.decode(video=0)):
                frame.colorspace, frame.color_range = 2, 0
                frame.pts, frame.time_base = number, Fraction(1, 25)
                silent.mux(stream.encode(frame))
            silent.mux(stream.encode())
        _, frames = read(tmp_path / "silent.mkv")
        middle = frames[0].pixels[32, size[0] // 8 :: size[0] // 4].astype(int)
        assert np.abs(middle - COLORS).max() <= 4


def test_ten_bits_become_eight_with_a_warning(tmp_path):
    picture = bars().astype(np.uint16) * 257
    path = make_clip(
        tmp_path / "clip.mkv", frames=[picture] * 3, codec="libx265", layout="yuv420p10le",
        matrix=Colorspace.ITU709, range_=ColorRange.MPEG,
        options={"x265-params": "log-level=error:crf=4"},
    )  # fmt: skip
    told: list[str] = []
    _, frames = read(path, told=told)
    assert np.abs(frames[0].pixels[32, 12::24].astype(int) - COLORS).max() <= 4
    assert told == [f"{path}: has more than 8 bits per colour: converted to 8"]


def pq(nits: float) -> int:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (nits / 10_000) ** m1
    return round(65_535 * ((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def test_hdr_becomes_standard_range_with_a_warning(tmp_path):
    levels = (0, 10, 100, 203, 1000)
    picture = np.zeros((64, 80, 3), np.uint16)
    for number, nits in enumerate(levels):
        picture[:, number * 16 : number * 16 + 16] = pq(nits)
    path = make_clip(
        tmp_path / "clip.mkv", frames=[picture] * 3, codec="libx265", layout="yuv420p10le",
        matrix=Colorspace.BT2020, range_=ColorRange.MPEG, transfer=16, primaries=9,
        options={"x265-params": "log-level=error:crf=4"},
    )  # fmt: skip
    told: list[str] = []
    _, frames = read(path, told=told)
    grey = frames[0].pixels[32, 8::16].astype(int)
    assert (np.ptp(grey, axis=1) <= 2).all()
    # 10 and 100 of 203 cd/m2 by sRGB's curve; white nearly so, to leave room for highlights.
    assert grey[:, 0][:3] == pytest.approx([0, 63, 186], abs=3)
    assert 225 < grey[3, 0] < grey[4, 0] <= 255
    assert len(told) == 1
    assert "is HDR" in told[0]


def test_hlg_white_is_nearly_white_and_black_is_black():
    codes = (np.array([0, 0.5, 0.75, 1.0]) * 65_535).round().astype(np.uint16)
    levels = to_sdr(np.repeat(codes[None, :, None], 3, axis=2), hlg=True)[0, :, 0].astype(int)
    # BT.2408: reference white of HLG is at 75%.
    assert levels[0] == 0
    assert 80 < levels[1] < 160
    assert 225 < levels[2] < levels[3] <= 255


def test_highlights_keep_their_hue():
    light = np.array([[[pq(2000), pq(1000), pq(500)]]], np.uint16)
    red, green, blue = to_sdr(light, hlg=False)[0, 0].astype(int)
    assert red > green > blue
    assert red < 256


# Faulty files.


def test_no_video_stream(tmp_path):
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(VideoError, match=r"has no video stream \(it holds audio\)"):
        read(path)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_no_frames(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    with av.open(str(path), "w") as container:
        container.add_stream("libx264", rate=25)
        container.start_encoding()
    with pytest.raises(VideoError, match=r"has no frames|has no video stream"):
        read(path)


def test_no_frame_that_can_be_decoded(tmp_path):
    path = make_clip(tmp_path / "clip.mp4", frames=3)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big") - 8
    data[start : start + size] = bytes(size)
    path.write_bytes(data)
    with pytest.raises(VideoError, match="has no frame that can be decoded"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"words, not a video\n" * 50])
def test_what_is_no_video(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"is empty|cannot be read as a video"):
        check_clip(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        check_clip(tmp_path / "clip.mp4")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif"])
def test_a_picture_is_no_video(tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(bars()).save(path)
    with pytest.raises(VideoError, match=r"is a picture, not a video: use stylize .*photo"):
        check_clip(path)


def test_a_damaged_middle_is_left_out_and_said(tmp_path):
    path = make_clip(tmp_path / "clip.mkv", frames=30, options={"g": "5", "bf": "0"})
    whole = inspect_clip(path)
    data = bytearray(path.read_bytes())
    for number in (11, 12):
        start = data.index(whole.packets["video"][number])
        data[start + 4 : start + len(whole.packets["video"][number])] = bytes(
            len(whole.packets["video"][number]) - 4
        )
    path.write_bytes(data)
    told: list[str] = []
    _, frames = read(path, told=told)
    good = [n for n in range(30) if not 11 <= n < 15]
    kept = {frame.time: number_of(frame.pixels) for frame in frames}
    assert all(kept[Fraction(n, 25)] == n for n in good)
    assert len(told) == 1
    assert "is damaged at 0:00.4" in told[0]


def test_a_file_that_is_cut_short_is_read_up_to_there(tmp_path):
    path = make_clip(
        tmp_path / "clip.mp4", frames=40, options={"g": "5"},
        container_options={"movflags": "faststart"},
    )  # fmt: skip
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 8])
    told: list[str] = []
    _, frames = read(path, told=told)
    assert 3 < len(frames) < 38
    assert any("is cut short" in line for line in told)


def test_a_start_beyond_the_end(tmp_path):
    path = make_clip(tmp_path / "clip.mp4")
    with pytest.raises(VideoError, match=r"--start 0:03.000 is beyond the end of .*0:00.400"):
        read(path, start=Fraction(3))


# GIF and folders.


def test_a_gif_is_read_with_its_times(tmp_path):
    path = tmp_path / "clip.gif"
    pictures = [Image.fromarray(moving_square(n)) for n in range(4)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[40, 200, 70, 100])
    info, frames = read(path)
    timed = list(with_durations(frames, info.rate))
    assert [float(f.time) for f in timed] == pytest.approx([0, 0.04, 0.24, 0.31])
    assert float(timed[-1].duration) == pytest.approx(0.1)
    assert [number_of(f.pixels) for f in timed] == [0, 1, 2, 3]


def test_a_transparent_gif_is_laid_over_white(tmp_path):
    path = tmp_path / "clip.gif"
    picture = Image.fromarray(np.dstack((bars(), np.full((64, 96), 255, np.uint8))))
    picture.paste((0, 0, 0, 0), (0, 0, 24, 64))
    picture.save(path, save_all=True, append_images=[picture], disposal=2)
    _, frames = read(path)
    assert (frames[0].pixels[:, :20] == 255).all()
    assert np.abs(frames[0].pixels[32, 36].astype(int) - COLORS[1]).max() < 12


def make_folder(folder: Path, numbers, size=(96, 64)) -> Path:
    folder.mkdir()
    for number in numbers:
        Image.fromarray(moving_square(number, *size)).save(folder / f"shot_{number}.png")
    return folder


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    info, frames = read_folder(make_folder(tmp_path / "frames", [0, 1, 2, 9, 10, 11]))
    assert [number_of(frame.pixels) for frame in frames] == [0, 1, 2, 9, 10, 11]
    assert info.rate == 25
    assert [frame.time for frame in frames] == [Fraction(n, 25) for n in range(6)]


def test_a_folder_is_read_at_a_given_rate_from_a_given_time(tmp_path):
    folder = make_folder(tmp_path / "frames", range(8))
    info, frames = read_folder(folder, rate=Fraction(10), start=Fraction("0.35"), size=48)
    assert info.duration == Fraction(8, 10)
    assert info.size == (48, 32)
    assert [frame.time for frame in frames] == [Fraction(n, 10) for n in range(4, 8)]
    with pytest.raises(VideoError, match="beyond the end"):
        read_folder(folder, start=Fraction(9))


def test_a_broken_picture_of_a_folder_is_left_out_and_said(tmp_path):
    folder = make_folder(tmp_path / "frames", range(4))
    (folder / "shot_2.png").write_bytes(b"no picture")
    told: list[str] = []
    _, frames = read_folder(folder, told=told)
    assert [number_of(frame.pixels) for frame in frames] == [0, 1, 3]
    assert len(told) == 1
    assert "shot_2.png" in told[0]


def test_pictures_of_several_sizes_are_no_clip(tmp_path):
    folder = make_folder(tmp_path / "frames", range(3))
    Image.fromarray(bars(80, 64)).save(folder / "shot_3.png")
    with pytest.raises(VideoError, match=r"shot_3.png: is 80x64, but .* is 96x64"):
        read_folder(folder)


def test_a_folder_without_numbered_pictures_is_no_clip(tmp_path):
    with pytest.raises(UsageError, match="has no pictures"):
        check_clip(tmp_path)
    Image.fromarray(bars()).save(tmp_path / "holiday.png")
    with pytest.raises(VideoError, match="has no number"):
        check_clip(tmp_path)


def test_a_folder_whose_pictures_are_all_broken(tmp_path):
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises((VideoError, ImageError), match="can be read"):
        read_folder(tmp_path)
