"""Applying a model of johnson: any size, shape and strength, with and without tiles."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from small_training import make_model
from stylize import (
    ModelFile,
    PluginHost,
    Progress,
    Result,
    Stylizer,
    Tile,
    cut_tiles,
    make_settings,
    read_header,
    read_image,
    read_tile,
    stylize_image,
    to_bytes,
    write_model,
)
from stylize.errors import ImageTooSmallError, ModelError, SettingsError, UsageError
from stylize_johnson.network import InstanceNorm, TransformationNetwork
from stylize_johnson.settings import JohnsonSettings

Apply = Callable[..., Result]
NETWORKS = ("light", "classic", "deep")
INCLUDED = sorted(
    Path(str(file)).stem for file in (files("stylize_johnson") / "models").iterdir()
    if file.name.endswith(".safetensors")
)  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each network, with random weights."""
    folder = tmp_path_factory.mktemp("models")
    return {name: make_model(folder / f"{name}.safetensors", network=name) for name in NETWORKS}


@pytest.fixture(scope="module")
def apply(host: PluginHost, models: dict[str, Path]) -> Apply:
    """Make a picture from a content with one of the models, in float32 on the CPU."""

    def make(content: object, network: str = "light", **settings: object) -> Result:
        values = {"size": "full", "device": "cpu", "precision": "float32", **settings}
        return stylize_image(content, None, host=host, model=str(models[network]), **values)

    return make


def noise(width: int, height: int, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A picture of coloured blots, some of them small."""
    generator = torch.Generator().manual_seed(seed)
    shape = (max(2, height // 12), max(2, width // 12), 3)
    coarse = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    picture = Image.fromarray(coarse.numpy()).resize((width, height), Image.Resampling.BICUBIC)
    return picture.convert(mode)


def bytes_of(picture: Image.Image) -> Tensor:
    colours = picture.convert("RGB")
    levels = torch.frombuffer(bytearray(colours.tobytes()), dtype=torch.uint8)
    return levels.view(1, colours.height, colours.width, 3).permute(0, 3, 1, 2)


def difference(one: Tensor, other: Tensor) -> Tensor:
    return (one.int() - other.int()).abs()


# Results.


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("size", [(8, 8), (16, 19), (61, 97), (97, 61), (200, 31), (64, 64)])
def test_pictures_of_any_shape_keep_it(apply, network, size):
    size = tuple(max(side, 16) for side in size) if network == "deep" else size
    content = noise(*size)
    result = apply(content, network)
    assert result.pixels.dtype == torch.uint8
    assert tuple(result.pixels.shape) == (1, 3, size[1], size[0])
    assert difference(result.pixels, bytes_of(content)).float().mean() > 4


@pytest.mark.parametrize("size", [(7, 40), (40, 7), (1, 1)])
def test_a_picture_too_small_for_the_network_is_refused(apply, size):
    with pytest.raises(ImageTooSmallError, match=rf"image is {size[0]}x{size[1]}; johnson needs 8"):
        apply(noise(*size))
    with pytest.raises(ImageTooSmallError, match="johnson needs 16x16"):
        apply(noise(15, 40), "deep")


@pytest.mark.parametrize("colour", ["black", "white", (90, 90, 90)])
def test_a_blank_photograph_stays_calm(apply, colour):
    result = apply(Image.new("RGB", (64, 48), colour))
    inner = result.pixels[..., 16:-16, 16:-16].float()
    assert inner.std(dim=(2, 3)).max() < 3


def test_a_grey_photograph_is_restyled_as_its_colours_are(apply):
    grey = noise(40, 32, "L")
    assert torch.equal(apply(grey).pixels, apply(grey.convert("RGB")).pixels)


def test_alpha_is_kept(apply):
    content = noise(40, 32)
    alpha = Image.linear_gradient("L").resize((40, 32))
    layered = content.copy()
    layered.putalpha(alpha)
    result = apply(layered)
    assert result.image.mode == "RGBA"
    assert result.image.getchannel("A").tobytes() == alpha.tobytes()
    assert torch.equal(result.pixels, apply(content).pixels)


def test_the_same_picture_comes_out_each_time(apply):
    content = noise(60, 44)
    assert torch.equal(apply(content).pixels, apply(content, seed=5).pixels)


def test_pictures_in_bfloat16_are_nearly_those_in_float32(apply):
    content = noise(96, 64)
    close = difference(apply(content).pixels, apply(content, precision="bfloat16").pixels)
    assert close.float().mean() < 8


@pytest.mark.parametrize("name", INCLUDED)
def test_rounding_does_not_show_in_what_an_included_model_makes(host, name):
    """It would if a channel's mean were far above its deviation: its variance would be lost."""
    stylizer = Stylizer(make_settings({"model": name, "precision": "float32"}), host)
    parts = stylizer.parts
    (exported,) = parts.method.export_modules(parts).values()
    pixels = (
        to_bytes(read_image(str(files("stylize") / "demo" / "china.jpg"), size=96).pixels).float()
        / 255
    )
    pixels = pixels[..., : pixels.shape[-2] // 4 * 4, : pixels.shape[-1] // 4 * 4]
    with torch.no_grad():
        single = exported.module(pixels)
        double = exported.module.double()(pixels.double())
    torch.testing.assert_close(single.double(), double, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", INCLUDED)
def test_an_included_model_paints_no_rim(host, name):
    """Without anything beyond the edges, most have half to three quarters of the contrast there."""
    plain = Image.new("RGB", (256, 256), (120, 130, 150))
    stylizer = Stylizer(make_settings({"model": name, "precision": "float32"}), host)
    picture = stylizer(plain).pixels[0].float()
    middle = picture[:, 64:-64, 64:-64].flatten(1)
    edge = torch.ones(256, 256, dtype=torch.bool)
    edge[24:-24, 24:-24] = False
    ratio = picture[:, edge].std(dim=1).mean() / middle.std(dim=1).mean()
    assert 0.85 < ratio < 1.2


@pytest.mark.parametrize("size", [(16, 16), (17, 300), (49, 49), (300, 41)])
def test_an_included_model_takes_small_pictures_of_any_size(host, size):
    picture = stylize_image(noise(*size), None, host=host, model=INCLUDED[0], device="cpu")
    assert picture.image.size == size


def test_brightness_alone_is_restyled_where_colours_are_kept(apply):
    content = noise(64, 48)
    kept = apply(content, keep_color="luminance").image.convert("YCbCr")
    plain = apply(content).image.convert("YCbCr")
    before = content.convert("YCbCr")
    for band in ("Cb", "Cr"):
        moved, moved_plainly = (
            difference(level(picture, band), level(before, band)).float().mean()
            for picture in (kept, plain)
        )
        assert moved < 0.6 * moved_plainly


def test_colours_cannot_be_given_to_a_painting_that_is_learnt(apply):
    with pytest.raises(UsageError, match="there is no painting: use --keep-color luminance"):
        apply(noise(40, 32), keep_color="histogram")


def level(picture: Image.Image, band: str) -> Tensor:
    return torch.frombuffer(bytearray(picture.getchannel(band).tobytes()), dtype=torch.uint8)


# Strength and strokes.


def test_strength_blends_from_the_photograph_to_the_style(apply):
    content = noise(48, 40)
    none, half, full = (apply(content, strength=s).pixels for s in (0, 0.5, 1))
    assert torch.equal(none, bytes_of(content))
    middle = (bytes_of(content).float() + full.float()) / 2
    assert (half.float() - middle).abs().max() <= 0.5


def test_more_strength_than_was_trained_is_refused_with_the_remedy(apply):
    with pytest.raises(UsageError, match=r"strength is 1\.5: .* train a model with --strength 1.5"):
        apply(noise(32, 32), strength=1.5)


def test_stroke_size_is_how_large_the_network_sees_the_photograph(apply):
    """Strokes of twice the size are the enlarged strokes of the photograph at half the size."""
    content = noise(128, 96)
    large = apply(content, stroke_size=2)
    small = apply(content, size=64)
    assert large.pixels.shape[-2:] == (96, 128)
    enlarged = bytes_of(small.image.resize((128, 96), Image.Resampling.LANCZOS))
    assert difference(large.pixels, enlarged).float().mean() < 2
    assert difference(large.pixels, apply(content).pixels).float().mean() > 4
    assert apply(content, stroke_size=0.5).pixels.shape[-2:] == (96, 128)


def test_strokes_larger_than_the_picture_are_refused(apply):
    with pytest.raises(ImageTooSmallError, match="40x40; johnson needs 48x48 at stroke size 6:"):
        apply(noise(40, 40), stroke_size=6)
    with pytest.raises(SettingsError, match="stroke_size"):
        apply(noise(40, 40), stroke_size=0)


# Tiles.


@pytest.mark.parametrize("network", NETWORKS)
def test_a_large_picture_does_not_depend_on_its_tiles(apply, network):
    content = noise(1102, 519)
    one, *several = (
        apply(content, network, options={"johnson": {"tile": tile}}).pixels
        for tile in (2048, 512, 300)
    )
    for other in several:
        far = difference(one, other)
        assert far.float().mean() <= 1
        assert far.max() <= 3
        assert far.float().mean() < 0.05  # no more than rounding


@pytest.mark.parametrize("network", NETWORKS)
def test_a_small_picture_does_not_depend_on_its_tiles(apply, network):
    content = noise(203, 150)
    one, tiled = (
        apply(content, network, options={"johnson": {"tile": tile}}).pixels for tile in (1024, 64)
    )
    assert difference(one, tiled).max() <= 3
    assert difference(one, tiled).float().mean() < 0.05


def test_nothing_turns_at_the_size_where_the_thumbnail_s_statistics_start(apply):
    """With a half-dark picture, whose tiles have different statistics."""
    content = noise(1028, 516)
    content.paste(content.crop((0, 0, 514, 516)).point(lambda level: level // 4), (0, 0))
    above = apply(content, options={"johnson": {"tile": 512}}).image
    below = apply(content, size=1024).image
    one, other, photograph = (
        bytes_of(picture.resize((128, 64), Image.Resampling.BOX))
        for picture in (above, below, content)
    )
    moved = difference(one, photograph).float().mean()
    assert difference(one, other).float().mean() < 0.2 * moved


def test_tiles_cover_a_picture_once():
    covered = torch.zeros(100, 70, dtype=torch.int)
    for tile in cut_tiles(100, 70, 33, 4):
        covered[tile.top : tile.bottom, tile.left : tile.right] += 1
        assert max(tile.bottom - tile.top, tile.right - tile.left) <= 33
        assert tile.top % 4 == tile.left % 4 == 0
    assert covered.unique().tolist() == [1]


def test_a_tile_is_read_with_its_margin_and_found_in_it():
    picture = torch.arange(61 * 47, dtype=torch.float32).view(1, 1, 61, 47).expand(1, 3, 61, 47)
    for tile in cut_tiles(61, 47, 20, 4):
        seen, place = read_tile(picture, tile, 12, 4)
        assert seen.shape[-2] % 4 == seen.shape[-1] % 4 == 0
        inner = seen[..., place.top : place.bottom, place.left : place.right]
        assert torch.equal(inner, picture[..., tile.top : tile.bottom, tile.left : tile.right])


def test_a_tile_at_an_edge_sees_beyond_it_by_reflection():
    picture = torch.rand(1, 3, 61, 47)
    whole = F.pad(picture, (0, 1, 0, 3), mode="reflect")
    extended = F.pad(whole, (8, 8, 8, 8), mode="reflect")
    for tile in cut_tiles(61, 47, 20, 4):
        seen, place = read_tile(picture, tile, 12, 4, beyond=8)
        top, left = tile.top - place.top + 8, tile.left - place.left + 8
        height, width = seen.shape[-2:]
        assert torch.equal(seen, extended[..., top : top + height, left : left + width])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 49)])
def test_a_small_picture_is_reflected_as_often_as_it_takes(size):
    picture = torch.rand(1, 1, *size)
    seen, place = read_tile(picture, Tile(0, size[0], 0, size[1]), 64, 8, beyond=48)
    assert (place.top, place.left) == (48, 48)
    whole = -(-size[0] // 8) * 8
    rows = np.pad(np.pad(np.arange(size[0]), (0, whole - size[0]), "reflect"), 48, "reflect")
    assert torch.equal(seen[..., place.left], picture[..., rows, 0])


def test_a_plain_area_gets_strokes_that_vary_and_are_the_same_each_time():
    torch.manual_seed(0)
    built = TransformationNetwork(JohnsonSettings(network="deep", width=8, blocks=1))
    plain = torch.full((1, 3, 96, 96), 0.5)
    with torch.no_grad():
        drawn = [built.train()(plain) for _ in range(2)]  # the noise's place is random
        kept = [built.eval()(plain) for _ in range(2)]
    assert not torch.equal(*drawn)
    assert torch.equal(*kept)
    rows, columns = kept[0][0, 0, 32:64:8], kept[0][0, 0, :, 32:64:8]
    assert rows.std(dim=0).min() > 0
    assert columns.std(dim=1).min() > 0


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("blocks", [1, 2])
def test_no_output_depends_on_pixels_beyond_the_reach(network, blocks):
    torch.manual_seed(0)
    built = TransformationNetwork(JohnsonSettings(network=network, width=8, blocks=blocks)).double()
    side = 4 * built.reach
    picture = torch.rand(1, 3, 4 * 8, side, dtype=torch.float64)
    built.eval()  # noise has no random place
    built.keep_moments(picture)
    changed = picture.clone()
    changed[..., side // 2 :] = 0
    with torch.no_grad():
        before, after = built(picture), built(changed)
    reached = side // 2 - built.reach
    assert torch.equal(before[..., :reached], after[..., :reached])
    assert not torch.equal(before[..., : side // 2], after[..., : side // 2])


@pytest.mark.parametrize("channels", [3, 8])
def test_instance_norm_takes_each_sample_and_channel_by_itself(channels):
    norm = InstanceNorm(channels)
    x = torch.randn(2, channels, 9, 7) * 3 + 1
    expected = torch.nn.functional.instance_norm(x)
    assert torch.allclose(norm(x), expected, atol=1e-4)
    with torch.no_grad():
        assert torch.allclose(norm(x), expected, atol=1e-4)


# Time and interruption.


class StopAfter:
    """Cancels after a number of tiles."""

    def __init__(self, tiles: int, cancelled: threading.Event) -> None:
        self.tiles = tiles
        self.cancelled = cancelled

    def progressed(self, progress: Progress) -> None:
        if progress.step == self.tiles:
            self.cancelled.set()


def test_an_interrupted_picture_is_finished_from_the_thumbnail(host, models, apply, monkeypatch):
    monkeypatch.setattr("stylize_johnson.method.THUMBNAIL", 300)
    content = noise(400, 120)
    options = {"johnson": {"tile": 200}}
    values = {"model": str(models["light"]), "size": "full", "options": options}
    stylizer = Stylizer(make_settings({**values, "precision": "float32", "device": "cpu"}), host)
    result = stylizer(content, observers=[StopAfter(1, stylizer.cancelled)])
    whole = apply(content, options=options)
    assert result.stopped == "interrupted"
    assert "stopped after 1 of 2 tiles" in result.warnings[0]
    assert torch.equal(result.pixels[..., :200], whole.pixels[..., :200])
    rest = difference(result.pixels[..., 200:], whole.pixels[..., 200:]).float()
    assert 0 < rest.mean() < 20


def test_a_time_limit_that_is_over_still_gives_a_whole_picture(apply):
    content = noise(400, 300)
    options = {"johnson": {"tile": 128}}
    hurried, whole = (apply(content, options=options, **limit) for limit in ({"time": 0.01}, {}))
    assert hurried.stopped == "time"
    assert "stopped after 0 of 12 tiles" in hurried.warnings[0]
    assert difference(hurried.pixels, whole.pixels).float().mean() < 20


def test_a_picture_of_one_tile_is_finished_whatever_the_time(apply):
    content = noise(64, 48)
    hurried = apply(content, time=0.01)
    assert torch.equal(hurried.pixels, apply(content).pixels)
    assert hurried.stopped == "done"


# Models.


def test_several_pictures_load_the_model_once(host, models, monkeypatch):
    reads = []
    honest = ModelFile.tensors
    monkeypatch.setattr(ModelFile, "tensors", lambda model: reads.append(model) or honest(model))
    values = {"model": str(models["light"]), "precision": "float32", "device": "cpu"}
    stylizer = Stylizer(make_settings(values), host)
    for seed in range(3):
        stylizer(noise(40, 32, seed=seed))
    assert len(reads) == 1


def test_a_model_needs_no_backbone(host, tmp_path):
    """The weights of its losses may belong to a network that is not installed here."""
    model = make_model(tmp_path / "m.safetensors", header={"backbone": "vgg19.imagenet1k_v1"})
    result = stylize_image(noise(40, 32), None, host=host, model=str(model), device="cpu")
    assert result.record["settings"]["backbone"] == "vgg19.imagenet1k_v1"
    assert result.record["loss_network"] == "0123456789abcdef"


def test_tensors_of_another_network_than_the_header_tells_are_refused(host, tmp_path, models):
    light = ModelFile("m", models["light"], read_header(models["light"]))
    header = light.header.model_copy(update={"network": {**light.header.network, "width": 12}})
    write_model(tmp_path / "wrong.safetensors", header, light.tensors())
    with pytest.raises(ModelError, match=r"its tensors do not fit the network .*: get it again"):
        stylize_image(noise(40, 32), None, host=host, model=str(tmp_path / "wrong.safetensors"))


def test_a_model_without_a_photograph_or_with_a_painting_is_refused(host, models):
    with pytest.raises(UsageError, match="johnson restyles a photograph: give one"):
        stylize_image(None, None, host=host, model=str(models["light"]))
