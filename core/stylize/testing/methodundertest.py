"""The method under test: in a small run, with its pictures."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from stylize.building.parts import BuiltParts
from stylize.contract.parts import Method, StyleImage
from stylize.contract.plan import Plan, RunSettings
from stylize.contract.run import Run
from stylize.contract.spec import Kind
from stylize.making.presets import merge_settings
from stylize.planning.planning import make_plan, make_settings
from stylize.testing.partcontract import PartContract
from stylize.testing.pictures import image_pair
from stylize.testing.watching import Draws, Made, Recorder

__all__ = ["MethodUnderTest"]


class MethodUnderTest(PartContract):
    """A method that has been built, and its pictures."""

    kind = Kind.METHOD
    run_settings: ClassVar[Mapping[str, Any]] = {}

    @property
    def key(self) -> object:
        return super().key, repr(self.run_settings)

    @property
    def parts(self) -> BuiltParts:
        """The parts that the method works with."""
        return self.once("parts", self.key, self._build_parts)

    @property
    def plan(self) -> Plan:
        """The plan of the method's test run."""
        return self.once("plan", self.key, self._make_plan)

    def _build_parts(self) -> BuiltParts:
        plan = self.plan
        with self.calls("building a run with it"):
            return BuiltParts(self.host, plan)

    def _make_plan(self) -> Plan:
        with self.calls("planning a run with it"):
            return make_plan(self.host, self.chosen(self.run_settings))

    def chosen(self, run_settings: Mapping[str, Any]) -> RunSettings:
        """Return the settings of a small, quick run of the method, overridden by `settings`."""
        small = {"device": "cpu", "precision": "float32", "quality": "draft", "size": 48}
        own: dict[str, Any] = {"method": self.host.key(self.spec)}
        if self.settings:
            own["options"] = {self.spec.name: dict(self.settings)}
        return make_settings(merge_settings({**small, **run_settings}, own), self.host)

    @property
    def method(self) -> Method:
        """The method under test."""
        return self.parts.method

    def inputs(self) -> tuple[Tensor, list[StyleImage]]:
        """Return a photograph, and a painting if the method needs one."""
        photo, painting = image_pair(int(self.run_settings.get("size", 48)))
        styles = [StyleImage(painting.clone())] if self.spec.needs_style else []
        if self.spec.streams:
            return (photo * 255).round().to(torch.uint8), styles
        return photo.clone(), styles

    def make(
        self,
        run: Run,
        inputs: tuple[Tensor, Sequence[StyleImage]] | None = None,
        method: Method | None = None,
    ) -> Tensor:
        """Make a picture, and require a tensor."""
        content, styles = inputs or self.inputs()
        with self.calls("stylize(content, styles, parts, run)"):
            picture: object = (method or self.method).stylize(content, styles, self.parts, run)
        self.require(
            isinstance(picture, Tensor),
            f"stylize returns {type(picture).__name__}, not a tensor",
            "return the picture as a tensor (1, 3, H, W)",
        )
        assert isinstance(picture, Tensor)
        if not self.spec.streams:
            return picture
        self.require(
            picture.dtype == torch.uint8,
            f"it is declared to stream, and its picture is {picture.dtype}",
            "return the picture as uint8, or declare streams=False",
        )
        return picture.float() / 255

    @property
    def plain(self) -> Made:
        """A picture with all settings at their defaults, seed 0."""
        return self.once("picture", self.key, self._make_plain)

    def _make_plain(self) -> Made:
        recorder = Recorder()
        run = Run(quality="draft", observers=[recorder])
        draws = Draws()
        state = torch.get_rng_state(), random.getstate()
        with draws:
            picture = self.make(run).detach()
        disturbed = (
            not torch.equal(torch.get_rng_state(), state[0]) or random.getstate() != state[1]
        )
        return Made(picture, run, recorder.reports, draws.operations, disturbed)
