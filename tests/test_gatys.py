"""Image-based style transfer on the demo pair: results, seeds, blends, early ends, bad input."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch

from stylize import (
    BackboneSpec,
    Judge,
    Kind,
    Progress,
    Result,
    Role,
    Run,
    Stylizer,
    create_loss,
    get_spec,
    list_backbones,
    list_losses,
    list_smoothings,
    make_settings,
    read_image,
    stylize_image,
)
from stylize.errors import ImageTooSmallError, SettingsError, StalledError, UsageError

SMALL = {"method": "gatys", "size": 96, "device": "cpu", "precision": "float32"}
ONE_SCALE = {"gatys": {"scales": [1.0], "iterations": [4]}}


class Recorder:
    """Keeps every progress report."""

    def __init__(self) -> None:
        self.reports: list[Progress] = []

    def progressed(self, progress: Progress) -> None:
        self.reports.append(progress)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(device="cpu", size=160)


@pytest.fixture(scope="module")
def picture(photo, painting) -> Result:
    return stylize_image(photo, painting, quality="draft", **SMALL)


def test_the_picture_takes_the_style_and_keeps_the_content(picture, photo, painting, judge):
    content, style = (read_image(path, size=96).pixels for path in (photo, painting))
    styled = judge(picture.pixels, content, style)
    plain = judge(content, content, style)
    noise = judge(torch.rand_like(picture.pixels), content, style)
    assert styled.style < 0.6 * plain.style
    assert styled.content < 0.8 * noise.content
    assert styled.content > 0.2  # not the photograph itself


def test_objective_falls_to_a_fraction_of_its_start(photo, painting):
    recorder = Recorder()
    options = {"gatys": {"scales": [1.0], "iterations": [30]}}
    stylize_image(photo, painting, observers=[recorder], options=options, **SMALL)
    objectives = [sum(report.losses.values()) for report in recorder.reports]
    assert min(objectives) < 0.3 * objectives[0]


def test_same_seed_gives_the_same_bits_on_the_cpu(photo, painting):
    options = {"gatys": {"init": "noise", "iterations": [3, 3], "scales": [0.5, 1]}}
    first, second, other = (
        stylize_image(photo, painting, seed=seed, options=options, **SMALL).pixels
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("init", ["content", "noise", "style"])
def test_every_optimizer_descends_from_every_start(photo, painting, optimizer, init):
    recorder = Recorder()
    options = {"gatys": {"optimizer": optimizer, "init": init, "scales": [1.0], "iterations": [15]}}
    stylize_image(photo, painting, observers=[recorder], options=options, **SMALL)
    objectives = [sum(report.losses.values()) for report in recorder.reports]
    assert min(objectives) < 0.9 * objectives[0]


def test_progress_reports_rise_to_one_and_carry_the_image(photo, painting):
    recorder = Recorder()
    options = {"gatys": {"scales": [0.5, 1.0], "iterations": [3, 2]}}
    result = stylize_image(photo, painting, observers=[recorder], options=options, **SMALL)
    fractions = [report.fraction for report in recorder.reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert [report.step for report in recorder.reports] == [1, 2, 3, 4, 5]
    last = recorder.reports[-1].image
    assert last is not None
    assert last().shape == result.pixels.shape


@pytest.mark.parametrize("size", [(61, 97), (97, 61), (64, 200)])
def test_content_and_style_may_have_any_shape(painting, size):
    from PIL import Image

    content = Image.effect_noise(size, 50).convert("RGB")
    result = stylize_image(content, painting, options=ONE_SCALE, **(SMALL | {"size": "full"}))
    assert tuple(result.pixels.shape) == (1, 3, size[1], size[0])
    assert 0 <= result.pixels.min() <= result.pixels.max() <= 1


def test_strength_moves_the_balance(photo, painting, judge):
    content, style = (read_image(path, size=96).pixels for path in (photo, painting))
    weak, strong = (
        judge(
            stylize_image(photo, painting, strength=strength, **SMALL, quality="draft").pixels,
            content,
            style,
        )
        for strength in (0.05, 5)
    )
    assert strong.style < weak.style
    assert strong.content > weak.content


def test_two_styles_blend_by_their_weights(photo, painting, demo):
    other = demo / "astronaut.jpg"

    def blend(*weights: float) -> torch.Tensor:
        return stylize_image(
            photo, [painting, other], style_weights=weights, options=ONE_SCALE, **SMALL
        ).pixels

    assert torch.equal(blend(1, 0), blend(2, 0))
    assert not torch.equal(blend(0.7, 0.3), blend(0.3, 0.7))


def test_content_alone_is_reconstructed_from_noise(photo):
    options = {"gatys": {"scales": [1.0], "iterations": [60]}}
    result = stylize_image(photo, None, content_layers="conv2_1", options=options, **SMALL)
    content = read_image(photo, size=96).pixels
    blurred = torch.nn.functional.avg_pool2d(result.pixels - content, 4)
    assert blurred.abs().mean() < 0.08


def test_style_alone_gives_a_texture_of_the_style_s_size(painting):
    options = {"gatys": {"scales": [1.0], "iterations": [40]}}
    result = stylize_image(None, painting, options=options, **SMALL)
    style = read_image(painting, size=96).pixels
    assert result.pixels.shape == style.shape
    assert result.record["losses"]["style"] < 0.2
    assert (result.pixels - style).abs().mean() > 0.05  # not a copy


def test_nothing_at_all_is_refused():
    with pytest.raises(UsageError, match="content"):
        stylize_image(None, None, **SMALL)


def test_a_time_limit_is_kept_with_the_best_image_so_far(photo, painting):
    started = time.monotonic()
    result = stylize_image(photo, painting, time=4, quality="best", **(SMALL | {"size": 256}))
    assert time.monotonic() - started < 6
    assert result.stopped == "time"
    assert 0 < result.record["steps"] < 500


def test_a_time_limit_counts_from_where_the_command_started_for_the_first_picture(photo, painting):
    settings = make_settings({**SMALL, "time": 60, "quality": "draft"})
    stylizer = Stylizer(settings, started=time.monotonic() - 60)
    first, second = stylizer(photo, [painting]), stylizer(photo, [painting])
    assert (first.stopped, first.record["steps"]) == ("time", 1)
    assert (second.stopped, second.record["steps"]) == ("done", 40)


@dataclass
class Short(Run):
    """A run whose time is over after some steps."""

    steps: int = 0

    def time_left(self) -> float:
        return 1e6 if self.steps_done < self.steps else -1.0


@pytest.mark.parametrize("method", ["gatys", "neighbors"])
@pytest.mark.parametrize(("steps", "far"), [(1, True), (4, True), (5, False), (19, False)])
def test_a_picture_that_time_left_far_from_finished_says_so(method, steps, far, photo, painting):
    options = {method: {"scales": [0.5, 1.0], "iterations": [10, 10]}}
    stylizer = Stylizer(make_settings({**SMALL, "method": method, "options": options}))
    content = stylizer.as_content(read_image(photo, size=96).pixels)
    styles = stylizer.as_styles(stylizer.read_paintings([painting], 96), content)
    run = Short(steps=steps)
    stylizer.stylize(content, styles, run)
    assert (run.stop_reason, run.steps_done) == ("time", steps)
    said = (
        f"time allowed only {steps} of 20 steps, so the picture is far from finished: use more "
        f"--time, or a smaller --size, or --method adain, which takes one pass"
    )
    assert run.warnings == ([said] if far else [])


def test_cancelling_ends_with_the_best_image_so_far(photo, painting):
    stylizer = Stylizer(make_settings({**SMALL, "quality": "best"}))

    class Impatient:
        def progressed(self, progress: Progress) -> None:
            if progress.step == 3:
                stylizer.cancel()

    result = stylizer(photo, [painting], [Impatient()])
    assert result.stopped == "interrupted"
    assert result.record["steps"] == 3
    assert result.pixels.shape == read_image(photo, size=96).pixels.shape


def test_a_failing_observer_is_dropped_with_a_warning(photo, painting):
    class Broken:
        def progressed(self, progress: Progress) -> None:
            raise RuntimeError("no disk")

    result = stylize_image(photo, painting, observers=[Broken()], options=ONE_SCALE, **SMALL)
    assert "no disk" in result.warnings[0]


def test_luminance_keeps_the_photograph_s_colour_differences(photo, painting):
    result = stylize_image(photo, painting, keep_color="luminance", options=ONE_SCALE, **SMALL)
    content = read_image(photo, size=96).pixels
    inside = ((result.pixels > 0.01) & (result.pixels < 0.99)).all(dim=1)
    difference = (result.pixels[:, 0] - result.pixels[:, 2]) - (content[:, 0] - content[:, 2])
    assert difference[inside].abs().max() < 1e-5


def test_histogram_keeps_the_photograph_s_mean_colour(photo, painting):
    content = read_image(photo, size=96).pixels.mean(dim=(2, 3))
    kept, taken = (
        stylize_image(photo, painting, keep_color=how, quality="draft", **SMALL).pixels.mean((2, 3))
        for how in ("histogram", "none")
    )
    assert (kept - content).abs().sum() < (taken - content).abs().sum()


def test_a_start_at_its_own_target_is_stalled(photo):
    options = {"gatys": {"init": "content"}}
    with pytest.raises(StalledError, match="init=noise"):
        stylize_image(photo, None, options=options, **SMALL)


def test_an_image_too_small_for_the_layers_names_size_and_remedy(painting):
    from PIL import Image

    with pytest.raises(ImageTooSmallError, match=r"1x1.*conv\d_1 needs"):
        stylize_image(Image.new("RGB", (1, 1)), painting, **SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": "0.5"}, "end in 1"),
        ({"scales": "1,0.5"}, "rise"),
        ({"scales": "0.5,1", "iterations": "1,2,3"}, "3 iterations for 2 scales"),
        ({"iterations": "0"}, "greater than or equal to 1"),
    ],
)
def test_schedules_that_cannot_be_are_refused(photo, painting, options, message):
    with pytest.raises(SettingsError, match=message):
        stylize_image(photo, painting, options={"gatys": options}, **SMALL)


def combinations() -> Sequence[tuple[str, str, str]]:
    """Return combinations that cover every pair of a backbone, a smoothing and a loss."""
    styles = [name for name in list_losses() if create_loss(name).role is Role.STYLE]
    backbones, smoothings = list_backbones(), list_smoothings()
    # For any two list positions, a third makes the sum a multiple of this.
    fewest = min(map(len, (backbones, smoothings, styles)))
    return [
        (f"{backbone}.random", smooth, style)
        for one, backbone in enumerate(backbones)
        for two, smooth in enumerate(smoothings)
        for three, style in enumerate(styles)
        if (one + two + three) % fewest == 0
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "smooth", "style_loss"), combinations())
def test_any_backbone_smoothing_and_loss_compose(backbone, smooth, style_loss, photo, painting):
    """Two steps each."""
    # Shallow layers: matrix roots of 2048 channels take seconds and prove nothing more.
    spec = get_spec(Kind.BACKBONE, backbone.partition(".")[0])
    assert isinstance(spec, BackboneSpec)
    options = {"gatys": {"scales": [1.0], "iterations": [2], "init": "noise"}}
    result = stylize_image(
        photo,
        painting,
        backbone=backbone,
        smooth=smooth,
        style_loss=style_loss,
        style_layers=",".join(spec.style_layers[:2]),
        image_loss="total_variation=0.1",
        options=options,
        **(SMALL | {"size": 64}),
    )
    assert result.record["steps"] == 2
    assert result.pixels.isfinite().all()
