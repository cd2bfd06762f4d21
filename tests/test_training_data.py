"""Photographs for training: their number sets order and framing; broken ones are reported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image

from small_training import make_photographs
from stylize.errors import TrainingError, UsageError
from stylize_train.data import Photographs, find_photographs, load_batches, split_held_out
from stylize_train.settings import TrainingSettings

LEVELS = (10, 60, 110, 160, 210)


def settings(**values: object) -> TrainingSettings:
    return TrainingSettings.model_validate({"crop": 32, "workers": 0, **values})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_photographs(tmp_path / "photographs")


@pytest.fixture
def greys(tmp_path: Path) -> Photographs:
    """Pictures that can be told apart by their grey."""
    for level in LEVELS:
        Image.new("RGB", (40, 40), (level,) * 3).save(tmp_path / f"{level}.png")
    return Photographs(find_photographs(tmp_path), settings(), seed=0)


def levels(data: Photographs, numbers: range) -> list[int]:
    return [int(pixels_of(data, number).float().mean().round()) for number in numbers]


def pixels_of(data: Photographs, number: int) -> torch.Tensor:
    pixels = data[number].pixels
    assert pixels is not None
    return pixels


def test_folders_within_are_searched_and_other_files_left_alone(folder):
    (folder / "notes.txt").write_text("no picture")
    assert len(find_photographs(folder)) == 6


@pytest.mark.parametrize(("name", "said"), [("none", "is no folder"), ("empty", "no pictures")])
def test_a_folder_without_pictures_is_refused(tmp_path, name, said):
    (tmp_path / "empty" / "within").mkdir(parents=True)
    with pytest.raises(UsageError, match=said):
        find_photographs(tmp_path / name)


def test_a_sample_is_decided_by_its_number_whenever_it_is_asked_for(folder):
    files = find_photographs(folder)
    first, second = (Photographs(files, settings(), seed=3) for _ in range(2))
    forwards = [pixels_of(first, number) for number in range(20)]
    backwards = [pixels_of(second, number) for number in reversed(range(20))]
    assert all(map(torch.equal, forwards, reversed(backwards)))
    assert {(pixels.shape, pixels.dtype) for pixels in forwards} == {((3, 32, 32), torch.uint8)}


def test_another_seed_frames_and_orders_otherwise(folder):
    files = find_photographs(folder)
    one, other = (Photographs(files, settings(), seed=seed) for seed in (1, 2))
    assert not any(torch.equal(pixels_of(one, n), pixels_of(other, n)) for n in range(6))


def test_each_epoch_sees_every_picture_once_in_an_order_of_its_own(greys):
    epochs = [levels(greys, range(start, start + 5)) for start in (0, 5, 10)]
    assert [sorted(epoch) for epoch in epochs] == [list(LEVELS)] * 3
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_the_same_picture_is_framed_otherwise_in_another_epoch(folder):
    data = Photographs(find_photographs(folder)[:1], settings(flip=False), seed=0)
    assert not torch.equal(pixels_of(data, 0), pixels_of(data, 1))


def test_half_of_the_pictures_are_mirrored(tmp_path):
    ramp = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).convert("RGB")
    ramp.save(tmp_path / "ramp.png")

    def rises(flip: bool) -> Counter[bool]:
        data = Photographs((str(tmp_path / "ramp.png"),), settings(flip=flip), seed=0)
        rows = [pixels_of(data, number)[0, 0].int() for number in range(40)]
        return Counter(bool(row[-1] > row[0]) for row in rows)

    assert len(rises(flip=False)) == 1
    assert min(rises(flip=True).values()) > 10


def test_framing_resize_shows_the_whole_photograph(tmp_path):
    picture = Image.new("RGB", (90, 40), "black")
    picture.paste("white", (45, 0, 90, 40))
    picture.save(tmp_path / "halves.png")
    resized = settings(framing="resize", flip=False)
    for number in range(3):
        data = Photographs((str(tmp_path / "halves.png"),), resized, seed=0)
        pixels = pixels_of(data, number)
        assert pixels[..., :14].max() < 20
        assert pixels[..., 18:].min() > 235


def test_zoom_bounds_how_much_of_a_photograph_a_crop_shows(tmp_path):
    """On a ramp from 0 to 255, a crop's range is its share of the photograph."""
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "ramp.png")
    data = Photographs((str(tmp_path / "ramp.png"),), settings(zoom=4, flip=False), seed=0)
    spans = [
        int(pixels.max()) - int(pixels.min()) for pixels in (pixels_of(data, n) for n in range(40))
    ]
    assert min(spans) < 90
    assert max(spans) > 200
    assert min(spans) > 255 / 4 - 12


def test_held_out_pictures_are_always_framed_alike(folder):
    files = find_photographs(folder)
    one, other = (Photographs(files, settings(), seed=seed, fixed=True) for seed in (1, 2))
    for number in range(6):
        assert torch.equal(pixels_of(one, number), pixels_of(other, number))
        assert torch.equal(pixels_of(one, number), pixels_of(one, number + 6))


# Heights of which 64 / (64 / height) is more than the height.
@pytest.mark.parametrize("height", [49, 98, 103, 253])
def test_a_crop_is_never_a_hair_larger_than_the_photograph(tmp_path, height):
    path = tmp_path / "photo.png"
    Image.new("RGB", (height + 5, height)).save(path)
    data = Photographs((str(path),), settings(crop=64), seed=0, fixed=True)
    assert pixels_of(data, 0).shape == (3, 64, 64)


def test_held_out_are_at_most_a_tenth_and_never_trained_on():
    files = [f"{number}.jpg" for number in range(60)]
    training, held_out = split_held_out(files, 8, seed=1)
    assert len(held_out) == 6
    assert sorted((*training, *held_out)) == sorted(files)
    assert split_held_out(files, 8, seed=1) == (training, held_out)
    assert split_held_out(files, 8, seed=2) != (training, held_out)
    assert split_held_out(files, 0, seed=1) == (tuple(files), ())
    assert split_held_out(files[:9], 8, seed=1)[1] == ()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n broken"])
def test_a_bad_file_is_told_of_and_another_takes_its_place(greys, tmp_path, content):
    (tmp_path / "110.png").write_bytes(content)
    samples = [greys[number] for number in range(5)]
    (told,) = [fault for sample in samples for fault in sample.faults]
    assert "110.png" in told
    assert 110 not in levels(greys, range(5))
    assert len(levels(greys, range(5))) == 5


@pytest.mark.parametrize("workers", [0, 1])
def test_a_folder_of_broken_pictures_ends_training(tmp_path, workers):
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"no picture")
    data = Photographs(find_photographs(tmp_path), settings(workers=workers), seed=0)
    with pytest.raises(TrainingError, match=r"none of 3 pictures in a row .* the first: .*\.jpg"):
        next(load_batches(data, range(2), batch=1))


def test_small_pictures_grow_and_say_so_or_are_skipped(tmp_path):
    Image.new("RGB", (20, 90), "red").save(tmp_path / "small.png")
    Image.new("RGB", (90, 90), "blue").save(tmp_path / "large.png")
    files = find_photographs(tmp_path)
    grown = [Photographs(files, settings(small="grow"), seed=0)[n] for n in range(2)]
    assert sorted(sample.grown for sample in grown) == [False, True]
    assert all(sample.pixels is not None and sample.pixels.shape == (3, 32, 32) for sample in grown)
    skipped = [Photographs(files, settings(small="skip"), seed=0)[n] for n in range(2)]
    (told,) = [fault for sample in skipped for fault in sample.faults]
    assert "small.png: is 20x90, smaller than the crop of 32: skipped" in told
    blue = [sample.pixels is not None and int(sample.pixels[2].min()) for sample in skipped]
    assert blue == [255, 255]


def test_an_uneven_photograph_grows_by_its_shorter_side_only(tmp_path):
    """Lines two pixels apart in a strip 16 pixels high: enlarged twice, they are four apart."""
    picture = Image.new("RGB", (160, 16), "black")
    for left in range(0, 160, 4):
        picture.paste("white", (left, 0, left + 2, 16))
    picture.save(tmp_path / "strip.png")
    data = Photographs((str(tmp_path / "strip.png"),), settings(flip=False), seed=0, fixed=True)
    row = pixels_of(data, 0)[0, 16].float()
    assert torch.equal(row[:-8] > 127, row[8:] > 127)
    assert not torch.equal(row[:-4] > 127, row[4:] > 127)


@pytest.mark.parametrize("workers", [0, 1])
def test_processes_share_the_samples_of_a_larger_batch(greys, workers):
    data = Photographs(greys.files, settings(workers=workers), seed=0)
    steps = range(2, 5)
    whole = list(load_batches(data, steps, batch=4))
    parts = [list(load_batches(data, steps, batch=2, rank=rank, processes=2)) for rank in (0, 1)]
    for number, batch in enumerate(whole):
        both = [*parts[0][number], *parts[1][number]]
        for sample, other in zip(batch, both, strict=True):
            assert sample.pixels is not None
            assert other.pixels is not None
            assert torch.equal(sample.pixels, other.pixels)


def test_a_resumed_stream_goes_on_where_the_first_stopped(greys):
    whole = list(load_batches(greys, range(6), batch=2))
    rest = list(load_batches(greys, range(4, 6), batch=2))
    for batch, other in zip(whole[4:], rest, strict=True):
        for sample, same in zip(batch, other, strict=True):
            assert sample.pixels is not None
            assert same.pixels is not None
            assert torch.equal(sample.pixels, same.pixels)


def test_a_large_photograph_is_decoded_small_without_a_visible_change(tmp_path, photo):
    with Image.open(photo) as image:
        image.convert("RGB").resize((1200, 900)).save(tmp_path / "large.jpg", quality=95)
        image.convert("RGB").resize((1200, 900)).save(tmp_path / "large.png")
    jpeg, png = (
        pixels_of(Photographs((str(tmp_path / name),), settings(), seed=0, fixed=True), 0)
        for name in ("large.jpg", "large.png")
    )
    assert (jpeg.float() - png.float()).abs().mean() < 4


def test_the_step_size_follows_its_schedule():
    constant = settings(learning_rate=0.01, steps=100)
    assert [constant.rate(step) for step in (1, 50, 100)] == [0.01] * 3
    cosine = settings(learning_rate=0.01, steps=100, schedule="cosine")
    rates = [cosine.rate(step) for step in range(1, 101)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(0.01)
    assert rates[-1] == pytest.approx(0.0005, rel=0.01)
    inverse = settings(learning_rate=0.01, schedule="inverse")
    assert inverse.rate(20_001) == pytest.approx(0.005)
    warm = settings(learning_rate=0.01, warmup=10)
    assert [warm.rate(step) for step in (1, 5, 10, 11)] == pytest.approx([0.001, 0.005, 0.01, 0.01])
