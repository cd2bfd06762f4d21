"""Applying a model of adain: any painting, size, shape and strength, with and without tiles."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from command import Command
from small_adain import make_adain_model
from small_training import After
from stylize import (
    BuiltParts,
    Clip,
    FeatureExtractor,
    ModelFile,
    PluginHost,
    Result,
    Run,
    StyleImage,
    Stylizer,
    make_plan,
    make_settings,
    read_header,
    stylize_image,
    write_model,
)
from stylize.errors import ImageTooSmallError, ModelError, SettingsError, UsageError
from stylize_adain.network import Decoder
from stylize_adain.settings import AdainSettings
from stylize_adain.statistics import adain
from stylize_models.exporting import export_model

Apply = Callable[..., Result]
VARIANTS = {
    "vgg": {},
    "bilinear": {"enlarge": "bilinear"},
    "reflect": {"run": {"options": {"vgg16": {"padding": "reflect"}}}},
    "skips": {"layer": "relu3_1", "skips": "relu1_2,relu2_2"},
    "swap": {"layer": "relu3_1", "skips": "relu2_2", "transfer": "swap"},
    "limited": {"layer": "relu3_1", "skips": "relu2_2", "gain_limit": 1.2},
    "tanh": {"run": {"smooth": "tanh", "smooth_layers": ("relu2_1",)}},
    "softmax": {"run": {"smooth": "softmax", "smooth_layers": ("relu2_1",)}},
    "resnet": {"backbone": "resnet50_thin.open_nsfw", "layer": "layer1.1"},
}
TILED = [name for name in VARIANTS if name != "softmax"]


@pytest.fixture(scope="module")
def models(host: PluginHost, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each variant, with random weights."""
    folder = tmp_path_factory.mktemp("models")
    return {
        name: make_adain_model(host, folder / f"{name}.safetensors", **settings)
        for name, settings in VARIANTS.items()
    }


@pytest.fixture(scope="module")
def apply(host: PluginHost, models: dict[str, Path]) -> Apply:
    """Make a picture of a content and a style with one of the models, in float32 on the CPU."""

    def make(content: object, style: object, variant: str = "vgg", **settings: object) -> Result:
        values = {"size": "full", "device": "cpu", "precision": "float32", **settings}
        return stylize_image(content, style, host=host, model=str(models[variant]), **values)

    return make


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture of coloured blots, some of them small."""
    generator = torch.Generator().manual_seed(seed)
    shape = (max(2, height // 12), max(2, width // 12), 3)
    coarse = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    return Image.fromarray(coarse.numpy()).resize((width, height), Image.Resampling.BICUBIC)


def difference(one: Result, other: Result) -> Tensor:
    return (one.pixels.int() - other.pixels.int()).abs()


PAINTING = noise(50, 50, seed=1).quantize(6).convert("RGB")
OTHER = noise(52, 52, seed=2).convert("L").convert("RGB")


# Results.


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [(8, 8), (9, 13), (61, 47)])
def test_pictures_of_any_shape_keep_it(apply, variant, size):
    result = apply(noise(*size), PAINTING, variant)
    assert result.pixels.dtype == torch.uint8
    assert tuple(result.pixels.shape) == (1, 3, size[1], size[0])
    assert difference(result, apply(noise(*size), OTHER, variant)).float().mean() > 0.5


@pytest.mark.parametrize("size", [(3, 40), (40, 3), (1, 1)])
def test_a_picture_too_small_for_the_network_is_refused(apply, size):
    said = rf"image is {size[0]}x{size[1]}; adain at relu2_1 needs 4x4"
    with pytest.raises(ImageTooSmallError, match=said):
        apply(noise(*size), PAINTING)
    with pytest.raises(ImageTooSmallError, match=said):
        apply(noise(40, 30), noise(*size), style_scale=8)


def test_photograph_and_painting_are_both_needed(host, models):
    values = {"host": host, "model": str(models["vgg"]), "device": "cpu", "precision": "float32"}
    with pytest.raises(UsageError, match="give both"):
        stylize_image(noise(40, 30), None, **values)
    with pytest.raises(UsageError, match="give both"):
        stylize_image(None, PAINTING, **values)


def test_strokes_larger_than_the_photograph_are_refused(apply):
    with pytest.raises(ImageTooSmallError, match=r"image is 40x30; .* needs 4x4 times the stroke"):
        apply(noise(40, 30), PAINTING, stroke_size=16)


@pytest.mark.parametrize("colour", ["black", "white", (90, 90, 90)])
def test_blank_pictures_stay_calm(apply, colour):
    blank = Image.new("RGB", (48, 40), colour)
    inner = apply(blank, PAINTING).pixels[..., 12:-12, 12:-12].float()
    assert inner.std(dim=(2, 3)).max() < 3
    assert apply(PAINTING, blank).pixels.shape[-2:] == (50, 50)


def test_pictures_in_bfloat16_are_nearly_those_in_float32(apply):
    content = noise(64, 48)
    close = difference(apply(content, PAINTING), apply(content, PAINTING, precision="bfloat16"))
    assert close.float().mean() < 8


# Alpha and strength.


@pytest.mark.parametrize("variant", ["vgg", "swap"])
def test_at_alpha_0_the_painting_does_not_matter(apply, variant):
    content = noise(48, 40)
    one, other = (apply(content, style, variant, alpha=0) for style in (PAINTING, OTHER))
    assert torch.equal(one.pixels, other.pixels)
    made = [apply(content, PAINTING, variant, alpha=alpha) for alpha in (0.5, 1)]
    steps = [difference(one, each).float().mean() for each in made]
    assert 0 < steps[0] < steps[1]


def test_alpha_is_the_strength_where_it_is_not_given_up_to_1(apply):
    content = noise(40, 32)
    full = apply(content, PAINTING)
    assert torch.equal(full.pixels, apply(content, PAINTING, alpha=1).pixels)
    assert torch.equal(full.pixels, apply(content, PAINTING, strength=4).pixels)
    half = [apply(content, PAINTING, **{name: 0.5}) for name in ("alpha", "strength")]
    assert torch.equal(half[0].pixels, half[1].pixels)
    assert not torch.equal(half[0].pixels, full.pixels)


def test_strength_1_leaves_a_quarter_of_the_photograph_to_a_model_that_swaps(apply):
    content = noise(40, 32)
    for strength, alpha in ((0.4, 0.3), (1, 0.75), (4 / 3, 1), (4, 1)):
        made = apply(content, PAINTING, "swap", strength=strength)
        assert torch.equal(made.pixels, apply(content, PAINTING, "swap", alpha=alpha).pixels)


@pytest.mark.parametrize("alpha", [-0.1, 1.01, float("nan"), "much"])
def test_an_alpha_outside_0_to_1_is_refused(apply, alpha):
    with pytest.raises(SettingsError, match=f"alpha is {alpha!r}: must be"):
        apply(noise(40, 32), PAINTING, alpha=alpha)


def test_a_strength_above_the_most_is_told(host):
    for strength, told in ((1.33, 0), (3, 1)):
        plan = make_plan(host, make_settings({"model": "any", "strength": strength}))
        assert len(plan.problems) == told
    assert (
        "strength 3 is above the maximum of model any and counts as 1.33"
        in plan.problems[0].message
    )


def test_alpha_and_another_strength_are_refused(apply):
    with pytest.raises(UsageError, match=r"alpha 0\.5 and strength 0\.7 both set .* give only one"):
        apply(noise(40, 32), PAINTING, alpha=0.5, strength=0.7)


def test_alpha_is_refused_by_methods_that_blend_no_features(host):
    message = r"--alpha 0\.5 is an option of adain, .*: leave it out, or use --method adain"
    with pytest.raises(UsageError, match=message):
        stylize_image(noise(40, 32), PAINTING, host=host, alpha=0.5)


# Styles.


@pytest.mark.parametrize("variant", ["vgg", "swap"])
def test_several_styles_are_blended_by_their_weights(apply, variant):
    content, both = noise(48, 40), [PAINTING, OTHER]
    one, other = (apply(content, style, variant) for style in both)
    assert torch.equal(apply(content, both, variant, style_weights=(2, 0)).pixels, one.pixels)
    half = apply(content, both, variant)
    quarter = apply(content, both, variant, style_weights=(0.75, 0.25))
    apart = difference(one, other).float().mean()
    assert difference(quarter, one).float().mean() < difference(half, one).float().mean() < apart


def test_the_style_s_size_matters(apply):
    content = noise(64, 48)
    painting = noise(64, 48, seed=1)
    small = apply(content, painting, style_scale=0.5)
    assert difference(apply(content, painting), small).float().mean() > 0.5


def test_stroke_size_is_how_large_the_network_sees_the_photograph(apply):
    content = noise(96, 64)
    painting = noise(48, 48, seed=1)
    large = apply(content, painting, stroke_size=2)
    small = apply(content.resize((48, 32), Image.Resampling.LANCZOS), painting)
    assert large.pixels.shape[-2:] == (64, 96)
    enlarged = small.image.resize((96, 64), Image.Resampling.LANCZOS)
    levels = torch.frombuffer(bytearray(enlarged.tobytes()), dtype=torch.uint8)
    apart = large.pixels.permute(0, 2, 3, 1).flatten().int() - levels.int()
    assert apart.abs().float().mean() < 1


@pytest.mark.parametrize("variant", ["vgg", "swap"])
def test_a_painting_is_measured_once_for_a_batch(host, models, monkeypatch, variant):
    looks: list[tuple[int, ...]] = []
    honest = FeatureExtractor.__call__

    def look(extractor, image, layers):
        looks.append(tuple(image.shape[-2:]))
        return honest(extractor, image, layers)

    values = {"model": str(models[variant]), "precision": "float32", "device": "cpu"}
    stylizer = Stylizer(make_settings(values), host)
    monkeypatch.setattr(FeatureExtractor, "__call__", look)
    first, *others = (stylizer(noise(64, 40, seed=s), [PAINTING]) for s in range(3))
    seen = {"vgg": (50, 50), "swap": (52, 52)}[variant]  # in steps of the stride
    assert sorted(looks) == [(40, 64), (40, 64), (40, 64), seen]
    again = Stylizer(make_settings(values), host)(noise(64, 40, seed=0), [PAINTING])
    assert torch.equal(first.pixels, again.pixels)
    assert not torch.equal(others[0].pixels, others[1].pixels)
    stylizer(noise(64, 40), [OTHER])
    assert looks[-2:] == [(52, 52), (40, 64)]


def test_the_statistics_of_few_paintings_are_kept(host, models, monkeypatch):
    monkeypatch.setattr("stylize_adain.normalization.Normalization.kept", 2)
    values = {"model": str(models["vgg"]), "precision": "float32", "device": "cpu"}
    stylizer = Stylizer(make_settings(values), host)
    for seed in range(4):
        stylizer(noise(24, 24), [noise(20, 20, seed=seed)])
    assert len(stylizer.parts.method._styles) == 2


def test_a_painting_of_more_features_than_are_kept_is_made_smaller_and_says_so(apply, monkeypatch):
    content, painting = noise(40, 32), noise(120, 90, seed=1)
    plain = apply(content, painting, "swap", style_scale=2)
    assert plain.warnings == ()
    monkeypatch.setattr("stylize_adain.swap.Swap.most", 60)
    smaller = apply(content, painting, "swap", style_scale=2)
    assert "has more features than can be kept, so it is reduced to 35x26" in smaller.warnings[0]
    assert difference(plain, smaller).float().mean() > 0.5


def test_brightness_alone_is_restyled_where_colours_are_kept(apply):
    content = noise(64, 48)
    kept = apply(content, PAINTING, keep_color="luminance").image.convert("YCbCr")
    plain = apply(content, PAINTING).image.convert("YCbCr")
    before = content.convert("YCbCr")
    for band in ("Cb", "Cr"):
        moved, plainly = (distance(picture, before, band) for picture in (kept, plain))
        assert moved < 0.7 * plainly


def distance(one: Image.Image, other: Image.Image, band: str) -> float:
    first, second = (
        torch.frombuffer(bytearray(picture.getchannel(band).tobytes()), dtype=torch.uint8)
        for picture in (one, other)
    )
    return (first.int() - second.int()).abs().float().mean().item()


def test_a_painting_in_the_photograph_s_colours_is_another_style(apply):
    content = noise(64, 48)
    plain, matched = (apply(content, PAINTING, keep_color=k) for k in ("none", "histogram"))
    assert difference(plain, matched).float().mean() > 0.5


# Tiles.


def tile(side: int) -> dict[str, dict[str, int]]:
    return {"adain": {"tile": side}}


@pytest.mark.parametrize("variant", TILED)
def test_a_picture_does_not_depend_on_its_tiles(apply, variant):
    content, painting = noise(203, 150), noise(190, 131, seed=3)
    content.paste(content.crop((0, 0, 100, 150)).point(lambda level: level // 4), (0, 0))
    one, tiled = (apply(content, painting, variant, options=tile(s)) for s in (1024, 64))
    assert difference(one, tiled).max() <= 3
    assert difference(one, tiled).float().mean() < 0.05  # no more than rounding


def test_tiles_of_any_side_give_the_same(apply):
    content = noise(167, 99)
    one = apply(content, PAINTING, alpha=0.7)
    for side in (65, 99, 128):
        other = apply(content, PAINTING, alpha=0.7, options=tile(side))
        assert difference(one, other).max() <= 3


def test_a_smoothing_that_sees_the_whole_map_refuses_tiles(apply):
    said = (
        r"image is 130x40, and vgg16 with softmax at relu2_1 needs all of it at once, not tiles "
        r"of 64: use --size 64, larger tiles .*adain\.tile=130"
    )
    with pytest.raises(UsageError, match=said):
        apply(noise(130, 40), PAINTING, "softmax", options=tile(64))
    with pytest.raises(UsageError, match="image is 40x130"):
        apply(noise(40, 40), noise(40, 130), "softmax", options=tile(64), style_scale=8)
    assert apply(noise(64, 40), PAINTING, "softmax", options=tile(64)).pixels.shape[-1] == 64


def test_memory_is_that_of_a_tile_not_of_the_picture(apply, monkeypatch):
    largest: list[int] = []
    honest = FeatureExtractor.__call__

    def look(extractor, image, layers):
        largest.append(max(image.shape[-2:]))
        return honest(extractor, image, layers)

    monkeypatch.setattr(FeatureExtractor, "__call__", look)
    monkeypatch.setattr("stylize_adain.making.THUMBNAIL", 96)
    apply(noise(400, 300), noise(300, 200), options=tile(64))
    assert max(largest) <= 64 + 2 * 24


# Time and interruption.


def test_an_interrupted_picture_is_finished_from_a_small_one(host, models, apply):
    content = noise(400, 120)
    values = {"model": str(models["vgg"]), "size": "full", "options": tile(200)}
    stylizer = Stylizer(make_settings({**values, "precision": "float32", "device": "cpu"}), host)
    run = Run()
    result = stylizer(content, [PAINTING], [After(3, run, stylizer.cancel)])
    whole = apply(content, PAINTING, options=tile(200))
    assert result.stopped == "interrupted"
    assert "stopped after 1 of 2 tiles" in result.warnings[0]
    assert torch.equal(result.pixels[..., :200], whole.pixels[..., :200])
    rest = difference(result, whole)[..., 200:].float()
    assert 0 < rest.mean() < 20


def test_a_time_limit_that_is_over_still_gives_a_whole_picture(apply):
    content = noise(300, 200)
    hurried = apply(content, PAINTING, options=tile(128), time=0.01)
    assert hurried.stopped == "time"
    assert "stopped after 0 of 6 tiles" in hurried.warnings[0]
    assert difference(hurried, apply(content, PAINTING)).float().mean() < 20


def test_progress_counts_both_passes_over_the_tiles(apply):
    seen = []

    class Recorder:
        def progressed(self, progress):
            seen.append((progress.step, progress.steps, progress.fraction))

    apply(noise(130, 64), PAINTING, options=tile(64), observers=[Recorder()])
    assert [step for step, _, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1] == (6, 6, 1.0)


# Models.


def test_other_weights_than_in_training_are_refused_with_both_fingerprints(host, models, tmp_path):
    own = ModelFile("m", models["vgg"], read_header(models["vgg"]))
    header = own.header.model_copy(update={"weights": "0123456789abcdef"})
    write_model(tmp_path / "other.safetensors", header, own.tensors())
    said = rf"weights 0123456789abcdef of vgg16\.oxford, .* available .* are {own.header.weights}"
    with pytest.raises(ModelError, match=said):
        stylize_image(noise(40, 32), PAINTING, host=host, model=str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"width": 0.5}, "its tensors do not fit the network in its header"),
        ({"layer": "relu9_1"}, "vgg16.* has no layer relu9_1"),
    ],
)
def test_a_header_of_another_network_is_refused(host, models, tmp_path, network, said):
    own = ModelFile("m", models["vgg"], read_header(models["vgg"]))
    changed = {**own.header.network, **network}
    header = own.header.model_copy(update={"network": changed})
    write_model(tmp_path / "wrong.safetensors", header, own.tensors())
    with pytest.raises(ModelError, match=said):
        stylize_image(noise(40, 32), PAINTING, host=host, model=str(tmp_path / "wrong.safetensors"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"backbone": "resnet50_thin"}, "was trained with backbone vgg16.oxford"),
        ({"options": {"adain": {"layer": "relu3_1"}}}, "trained with adain.layer relu2_1"),
        ({"options": {"adain": {"gain_limit": 2}}}, "trained with adain.gain_limit none"),
        ({"options": {"adain": {"transfer": "swap"}}}, "trained with adain.transfer adain"),
        ({"smooth": "tanh"}, "was trained with smooth none"),
        ({"options": {"vgg16": {"padding": "reflect"}}}, "with vgg16.padding default"),
    ],
)
def test_options_that_contradict_the_model_are_refused_with_the_command(apply, settings, said):
    with pytest.raises(UsageError, match=rf"{said}.*stylize train adain .* --styles PAINTINGS"):
        apply(noise(40, 32), PAINTING, **settings)


def test_the_encoder_is_that_of_the_training(apply, models):
    """The two models differ only in the padding that their encoders were trained with."""
    photograph = noise(80, 80)
    zeros, reflect = (apply(photograph, PAINTING, name) for name in ("vgg", "reflect"))
    again = apply(photograph, PAINTING, "reflect", options={"vgg16": {"padding": "reflect"}})
    assert difference(zeros, reflect).max() > 3
    assert difference(again, reflect).max() == 0
    assert reflect.record["settings"]["options"]["vgg16"] == {"padding": "reflect"}


def test_the_gain_is_limited_as_in_training(apply, host, models, tmp_path):
    """Without a limit in its header, a model has none, like older models."""
    photograph = noise(80, 64).point(lambda level: 120 + level // 16)  # nearly plain
    limited = ModelFile("m", models["limited"], read_header(models["limited"]))
    network = {k: v for k, v in limited.header.network.items() if k != "gain_limit"}
    free = limited.header.model_copy(update={"network": network})
    write_model(tmp_path / "free.safetensors", free, limited.tensors())
    settings = {"model": str(tmp_path / "free.safetensors"), "device": "cpu"}
    without = stylize_image(photograph, PAINTING, host=host, precision="float32", **settings)
    made = apply(photograph, PAINTING, "limited")
    again = apply(photograph, PAINTING, "limited", options={"adain": {"gain_limit": "1.20"}})
    assert made.pixels.float().std() < without.pixels.float().std()
    assert difference(made, again).max() == 0


def test_without_a_model_the_shipped_one_is_applied(host):
    settings = {"host": host, "size": 64, "device": "cpu", "precision": "float32"}
    made = stylize_image(noise(64, 48), PAINTING, method="adain", **settings)
    assert made.record["settings"]["model"] == "any"
    named = stylize_image(noise(64, 48), PAINTING, model="any", **settings)
    assert difference(made, named).max() == 0


def test_the_shipped_model_swaps_features_and_refuses_the_paper_s_transform(host):
    header = read_header(resources.files("stylize_adain") / "models" / "any.safetensors")
    assert header.network["transfer"] == "swap"
    with pytest.raises(UsageError, match=r"any was trained with adain\.transfer swap, not adain"):
        stylize_image(
            noise(64, 48),
            PAINTING,
            host=host,
            model="any",
            options={"adain": {"transfer": "adain"}},
        )


def test_a_model_from_before_there_was_another_transform_is_of_equation_8(host, models, tmp_path):
    own = ModelFile("m", models["skips"], read_header(models["skips"]))
    network = {k: v for k, v in own.header.network.items() if k != "transfer"}
    path = tmp_path / "old.safetensors"
    write_model(path, own.header.model_copy(update={"network": network}), own.tensors())
    settings = {"model": str(path), "size": "full", "device": "cpu", "precision": "float32"}
    made = stylize_image(noise(64, 48), noise(56, 64, seed=1), host=host, **settings)
    parts = BuiltParts(host, make_plan(host, make_settings(settings)))
    decoder = Decoder(parts.features.layers, network["layer"], AdainSettings(**network))
    decoder.load_tensors(parts.model.tensors(), "old")
    with torch.no_grad():
        packing = decoder.packing
        content, style = (
            packing.pack(parts.features(pixels, packing.names), pixels)
            for pixels in map(pixels_of, (noise(64, 48), noise(56, 64, seed=1)))
        )
        expected = decoder.float()(
            adain(content, packing.moments_of(content), packing.moments_of(style))
        )
    wrong = (made.pixels - (expected.clamp(0, 1) * 255).round()).abs()
    assert wrong.max() <= 1
    assert wrong.mean() < 0.01


# From coarse to fine.


def swap(**options: object) -> dict[str, dict[str, object]]:
    return {"adain": options}


def test_each_size_is_painted_over_the_one_before(apply, monkeypatch):
    looks: list[tuple[int, ...]] = []
    honest = FeatureExtractor.__call__

    def look(extractor, image, layers):
        looks.append(tuple(image.shape[-2:]))
        return honest(extractor, image, layers)

    monkeypatch.setattr(FeatureExtractor, "__call__", look)
    content, painting = noise(200, 120), noise(128, 128, seed=1)
    made = apply(content, painting, "swap", options=swap(coarsest=50))
    assert looks == [(32, 32), (32, 52), (64, 64), (60, 100), (128, 128), (120, 200)]
    alone = apply(content, painting, "swap", options=swap(coarsest=0))
    apart = apply(content, painting, "swap", options=swap(coarsest=50, photograph_share=1))
    assert difference(apart, alone).max() == 0
    assert difference(made, alone).float().mean() > 0.5


def test_a_slim_photograph_is_not_made_smaller_than_the_network_takes(apply):
    made = apply(noise(200, 20), PAINTING, "swap", options=swap(coarsest=50))
    assert made.pixels.shape[-2:] == (20, 200)


def test_where_time_runs_out_between_sizes_the_picture_is_enlarged(host, models):
    values = {"model": str(models["swap"]), "size": "full", "options": swap(coarsest=50)}
    stylizer = Stylizer(make_settings({**values, "precision": "float32", "device": "cpu"}), host)
    run = Run()
    result = stylizer(noise(200, 120), [PAINTING], [After(1, run, stylizer.cancel)])
    assert result.stopped == "interrupted"
    assert result.pixels.shape[-2:] == (120, 200)
    assert "stopped before the last 2 of 3 sizes" in result.warnings[0]
    assert "enlarged from 50x30" in result.warnings[0]


@pytest.mark.parametrize("trust", [0.0, 1.0])
def test_in_a_clip_the_frame_before_shows_through_where_it_is_trusted(host, models, trust):
    values = {"model": str(models["swap"]), "size": "full", "options": swap(coarsest=50)}
    stylizer = Stylizer(make_settings({**values, "precision": "float32", "device": "cpu"}), host)
    content, painting = (pixels_of(picture) for picture in (noise(120, 80), PAINTING))

    def make(level: float) -> Tensor:
        clip = Clip(torch.full_like(content, level), torch.full_like(content[:, :1], trust))
        return stylizer.stylize(content, [StyleImage(painting)], Run(clip=clip)).float()

    assert ((make(0.0) - make(1.0)).abs().mean() > 1) == bool(trust)


# The command.


def test_a_folder_is_restyled_by_one_painting(command: Command, models):
    (command.folder / "photos").mkdir()
    for seed in range(2):
        noise(40, 32, seed).save(command.folder / "photos" / f"{seed}.png")
    made = command(
        "photos", "painting.png", "--model", models["vgg"], "-o", "out", "--alpha", "0.5",
        "--device", "cpu", "--precision", "float32", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    assert [r["settings"]["options"]["adain"]["alpha"] for r in made.records] == ["0.5", "0.5"]
    assert len(list((command.folder / "out").iterdir())) == 2


def test_alpha_can_be_compared(command: Command, models, monkeypatch):
    from quick_judge import QuickJudge

    monkeypatch.setattr("stylize.Judge", QuickJudge)
    made = command(
        "compare", "photo.png", "painting.png", "--method", "adain", "--model", models["vgg"],
        "--vary", "alpha=0,0.25,0.5,0.75,1", "-o", "fig6.png", "--device", "cpu",
        "--precision", "float32", "--json", "--cell", "96",
    )  # fmt: skip
    assert made.code == 0, made.err
    alphas = [record["varied"]["alpha"] for record in made.records]
    assert alphas == ["0", "0.25", "0.5", "0.75", "1"]
    assert "fig6.png" in command.files


def test_a_wrong_alpha_is_one_line(command: Command, models):
    said = command("photo.png", "painting.png", "--model", models["vgg"], "--alpha", "1.5")
    assert said.code == 2
    assert "alpha is '1.5': must be less than or equal to 1" in said.complaint


# Export.


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["vgg", "resnet", "swap"])
def test_encoder_adain_and_decoder_in_onnx_give_the_same_picture(host, models, apply, variant):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path = models[variant]
    model = ModelFile("m", path, read_header(path))
    written = export_model(host, model, path.with_suffix(".onnx"))
    assert [file.path.stem for file in written] == [
        f"{variant}_{part}"
        for part in ("encoder", "swap" if variant == "swap" else "adain", "decoder")
    ]

    def run(part: int, **inputs: Tensor) -> Tensor:
        session = onnxruntime.InferenceSession(
            written[part].path, providers=["CPUExecutionProvider"]
        )
        (given,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        return torch.from_numpy(given)

    content, painting = noise(64, 48), PAINTING.resize((56, 56))
    features = [run(0, picture=pixels_of(picture)) for picture in (content, painting)]
    blended = run(1, content=features[0], style=features[1], alpha=torch.tensor([0.6]))
    made = (run(2, features=blended) * 255).round()
    exact = {"coherence": 0, "components": 0, "coarsest": 0, "guide": 0, "palette": 0}
    alone = {"adain": exact} if variant == "swap" else {}
    expected = apply(content, painting, variant, alpha=0.6, options=alone).pixels
    assert (made - expected).abs().max() <= 1


def pixels_of(picture: Image.Image) -> Tensor:
    levels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return levels.view(1, picture.height, picture.width, 3).permute(0, 3, 1, 2).float() / 255
