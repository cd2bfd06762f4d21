"""The promises of every method."""

from __future__ import annotations

import random
import time

import pytest
import torch
from torch import Tensor

from stylize.building.backbones import build_component
from stylize.contract.parts import Method
from stylize.contract.run import Run
from stylize.contract.settings import short
from stylize.contract.spec import MethodSpec
from stylize.testing.methodundertest import MethodUnderTest
from stylize.testing.watching import Canceller

__all__ = ["MethodContract"]


class MethodContract(MethodUnderTest):
    """A way to make the picture: of the content's size, in [0, 1], repeatable and on time.

    Attributes:
        run_settings: of the run, such as `{"model": "mosaic"}` for a method that applies a
            trained model. The picture is small and made quickly unless they say otherwise.
    """

    not_watched = ("torch's random seed", "the random seed")

    def exercise(self) -> None:
        _ = self.plain

    def test_is_declared_as_a_method(self) -> None:
        self.require_spec(MethodSpec)
        self.require(
            isinstance(self.method, Method),
            f"its factory returns {type(self.method).__name__}, which has no stylize",
            "return an object with stylize(content, styles, parts, run)",
        )

    def test_the_picture_is_of_the_content_s_size(self) -> None:
        content, found = self.inputs()[0], tuple(self.plain.picture.shape)
        self.require(
            found == tuple(content.shape),
            f"the picture of a content {tuple(content.shape)} is {found}",
            "return (1, 3, H, W) with the content's height and width: pad what the network needs, "
            "and crop it again",
        )

    def test_the_picture_is_in_0_to_1(self) -> None:
        least, most = self.plain.picture.min().item(), self.plain.picture.max().item()
        self.require(
            least >= 0 and most <= 1,  # false for NaN too
            f"the picture has values from {least:.3g} to {most:.3g}",
            "end with .clamp(0, 1)",
        )

    def test_the_picture_is_not_the_content(self) -> None:
        content, picture = self.inputs()[0], self.plain.picture
        if self.spec.streams:
            content = content.float() / 255
        self.require(
            picture.shape != content.shape or not torch.equal(picture, content),
            "the picture is the content, unchanged",
            "make a difference at strength 1",
        )

    def test_same_seed_gives_the_same_picture(self) -> None:
        # The global generators are no longer in the state that they had for the first picture.
        torch.rand(3)
        random.random()
        again = self.make(Run(quality="draft")).detach()
        self.require(
            torch.equal(again, self.plain.picture),
            "two pictures with one seed differ: it ignores the seed",
            "draw from torch.Generator().manual_seed(run.seed), never from the global generator",
        )

    def test_another_seed_gives_another_picture(self) -> None:
        if not self.plain.draws:
            pytest.skip("draws no random numbers")
        other = self.make(Run(seed=1, quality="draft")).detach()
        self.require(
            not torch.equal(other, self.plain.picture),
            f"seeds 0 and 1 give one picture, though it draws numbers ({self.plain.draws[0]}): "
            f"it ignores the seed",
            "draw from torch.Generator().manual_seed(run.seed)",
        )

    def test_leaves_the_global_generators_alone(self) -> None:
        self.require(
            not self.plain.disturbed,
            "it draws from or seeds the global random generator",
            "draw from torch.Generator().manual_seed(run.seed)",
        )

    def test_strength_matters(self) -> None:
        # For a trained model, strength may be a share of at most 1.
        low, high = (0.1, 1.0) if self.spec.trainable else (0.1, 3.0)
        weak, strong = (
            self.make(Run(strength=strength, quality="draft")).detach() for strength in (low, high)
        )
        self.require(
            not torch.equal(weak, strong),
            f"strengths {low:g} and {high:g} give one picture",
            "let run.strength say how strong the style is",
        )

    def test_reports_progress_that_rises_to_1(self) -> None:
        reports = self.plain.reports
        self.require(
            reports,
            "it reports no progress",
            "call run.report(Progress(...)) at every step",
        )
        fractions = [report.fraction for report in reports]
        self.require(
            fractions == sorted(fractions) and fractions[0] >= 0 and abs(fractions[-1] - 1) < 1e-6,
            f"progress goes from {fractions[0]:.3g} to {fractions[-1]:.3g}"
            + ("" if fractions == sorted(fractions) else " and falls in between"),
            "report the share of work done, rising to 1 at the last step",
        )
        steps = [(report.step, report.steps) for report in reports]
        self.require(
            steps == sorted(steps) and all(0 <= step <= of for step, of in steps),
            f"steps go from {steps[0]} to {steps[-1]}",
            "count steps done of steps planned",
        )
        if reports[-1].image is not None:
            with self.calls("the image of its progress"):
                image = reports[-1].image()
            self.require(
                image.shape[:2] == (1, 3) and image.min() >= 0 and image.max() <= 1,
                f"the image of its progress is {tuple(image.shape)}, "
                f"{image.min():.3g} to {image.max():.3g}",
                "give the picture so far, (1, 3, H, W) in [0, 1]",
            )

    def test_honours_a_deadline(self) -> None:
        steps = self._steps_that_can_be_left_out()
        run = Run(quality="draft", deadline=time.monotonic())
        picture = self.make(run)
        self.require(
            run.steps_done < steps and run.stop_reason == "time",
            f"with no time left it still takes {run.steps_done} of {steps} steps: "
            f"it ignores the deadline",
            "before each step but the first, stop if run.should_stop(seconds of a step)",
        )
        self._require_finished(picture, "at the deadline")

    def test_honours_cancellation(self) -> None:
        steps = self._steps_that_can_be_left_out()
        run = Run(quality="draft")
        run.observers = [Canceller(run)]
        picture = self.make(run)
        self.require(
            run.steps_done < steps and run.stop_reason == "interrupted",
            f"cancelled at its first step it still takes {run.steps_done} of {steps}",
            "before each step but the first, stop if run.should_stop(), with the best so far",
        )
        self._require_finished(picture, "when cancelled")

    def test_a_run_that_was_stopped_can_be_repeated(self) -> None:
        if self.spec.trainable:
            pytest.skip("applies a model: a rerun makes the whole picture, and warns")
        self._steps_that_can_be_left_out()
        stopped = Run(quality="draft")
        stopped.observers = [Canceller(stopped)]
        picture = self.make(stopped)
        self.require(
            stopped.replay,
            "stopped at its first step it leaves nothing in run.replay: stylize rerun cannot "
            "repeat the picture",
            'store there its own settings that repeat the steps done, such as {"steps": 12}',
        )
        own = self.plan.method_settings
        given = {**(own.model_dump() if own else {}), **stopped.replay}
        with self.calls(f"its factory with {short(stopped.replay)} of run.replay"):
            settings = self.host.make_settings(self.spec, given)
            method: Method = build_component(self.host, self.spec, settings)
        again = Run(quality="draft")
        repeated = self.make(again, method=method)
        self.require(
            again.steps_done == stopped.steps_done and torch.equal(repeated, picture),
            f"stopped after {stopped.steps_done} steps, it makes another picture with "
            f"{short(stopped.replay)} of run.replay, in {again.steps_done}",
            "store in run.replay the settings that repeat the same steps",
        )

    def _steps_that_can_be_left_out(self) -> int:
        """Return the number of steps. Skips the test if a picture takes only one."""
        if len(self.plain.reports) < 2:
            pytest.skip("reports no second step, which could be left out")
        return self.plain.run.steps_done

    def _require_finished(self, picture: Tensor, when: str) -> None:
        content, _ = self.inputs()
        self.require(
            picture.shape == content.shape and picture.min() >= 0 and picture.max() <= 1,
            f"stopped {when} it gives {tuple(picture.shape)}, "
            f"{picture.min():.3g} to {picture.max():.3g}",
            "give the best image so far, of the content's size and in [0, 1]",
        )

    def test_needs_features_is_declared_truly(self) -> None:
        if self.spec.needs_features:
            pytest.skip("may look at features")
        parts = self._build_parts()
        content, styles = self.inputs()
        with self.calls("stylize(content, styles, parts, run)"):
            self.method.stylize(content, styles, parts, Run(quality="draft"))
        self.require(
            parts.loss_network == "none",
            "needs_features=False is declared, but it asks for features, losses or weights",
            "declare needs_features=True, or leave parts.features, parts.content and the like",
        )

    def test_leaves_its_inputs_as_they_were(self) -> None:
        content, styles = self.inputs()
        self.make(Run(quality="draft", deadline=time.monotonic()), (content, styles))
        expected, expected_styles = self.inputs()
        self.require(
            torch.equal(content, expected)
            and all(
                torch.equal(style.image, before.image)
                for style, before in zip(styles, expected_styles, strict=True)
            ),
            "it writes to the content or a style",
            "work on a copy: the caller's images are used again",
        )
