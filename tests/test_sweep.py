"""Sweeps: the axes that vary, and the resulting runs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stylize import RunSettings, make_settings
from stylize.errors import UnknownNameError, UsageError
from stylize_compare.sweep import Axis, parse_axis, plan_variants


def settings_of(values: Mapping[str, str]) -> RunSettings:
    options: dict[str, dict[str, str]] = {}
    for key, value in values.items():
        part, dot, name = key.partition(".")
        if dot:
            options.setdefault(part, {})[name] = value
    fields = {key: value for key, value in values.items() if "." not in key}
    return make_settings({"method": "gatys", **fields, "options": options})


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("smooth=none,tanh", "smooth", ("none", "tanh")),
        ("style-scale = 0.5, 1", "style_scale", ("0.5", "1")),
        ("preset=gatys_artistic,gatys_average", "preset", ("gatys_artistic", "gatys_average")),
        ("gatys.optimizer=adam,lbfgs", "gatys.optimizer", ("adam", "lbfgs")),
        (
            "style_layers=conv1_1=5,conv2_1;conv3_1",
            "style_layers",
            ("conv1_1=5,conv2_1", "conv3_1"),
        ),
    ],
)
def test_an_axis_is_a_key_and_its_values(host, text, key, values):
    assert parse_axis(host, text) == Axis(key, values)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("smoth=none,tanh", UnknownNameError, "did you mean smooth"),
        ("options=a,b", UnknownNameError, "unknown setting to vary 'options'"),
        ("smooth=tanh", UsageError, "one value tanh.* --smooth tanh"),
        ("tanh.gain=2", UsageError, "one value 2.* --set tanh.gain=2"),
        ("style_layers=conv1_1;", UsageError, "is not KEY=VALUE"),
        ("smooth=none,,tanh", UsageError, "is not KEY=VALUE"),
        ("smooth", UsageError, "is not KEY=VALUE"),
        ("style=a.jpg,b.jpg", UsageError, "paintings with --style"),
    ],
)
def test_an_axis_that_makes_no_sense_is_refused(host, text, error, message):
    with pytest.raises(error, match=message):
        parse_axis(host, text)


def test_variants_are_the_product_with_the_last_axis_fastest(host):
    axes = [Axis("smooth", ("none", "tanh")), Axis("gatys.history", ("5", "10", "20"))]
    variants = plan_variants(host, axes, settings_of)
    assert [v.label for v in variants][:4] == [
        "smooth=none gatys.history=5",
        "smooth=none gatys.history=10",
        "smooth=none gatys.history=20",
        "smooth=tanh gatys.history=5",
    ]
    assert [v.plan.smoothing.name for v in variants] == ["none"] * 3 + ["tanh"] * 3
    assert variants[1].plan.method_settings.history == 10


def test_options_of_a_part_hold_only_where_it_is_used(host):
    def with_gain(values: Mapping[str, str]) -> RunSettings:
        return settings_of({**values, "tanh.gain": "2"})

    none, tanh = plan_variants(host, [Axis("smooth", ("none", "tanh"))], with_gain)
    assert none.plan.settings.options == {}
    assert tanh.plan.smoothing_settings.gain == 2


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ([], "nothing varies"),
        ([Axis("seed", ("1", "2"))] * 2, "seed is given twice"),
        ([Axis("smooth", ("none", "tan"))], "with smooth=tan: .*did you mean tanh"),
        ([Axis("size", ("64", "big"))], "with size=big: size is 'big'"),
        ([Axis("gatys.historie", ("1", "2"))], "with gatys.historie=1: .*did you mean history"),
        ([Axis("tahn.gain", ("1", "2"))], "unknown part of these runs 'tahn'"),
        ([Axis("adain.alpha", ("0", "1"))], "unknown part of these runs 'adain'"),
        ([Axis("strength", ("1", "1.0"))], "strength=1 and strength=1.0 give the same run"),
        (
            [Axis("smooth", ("none", "tanh")), Axis("tanh.gain", ("1", "2"))],
            "smooth=none tanh.gain=1 and smooth=none tanh.gain=2 give the same run",
        ),
    ],
)
def test_a_sweep_that_cannot_be_run_is_refused_as_a_whole(host, axes, message):
    with pytest.raises(UsageError, match=message):
        plan_variants(host, axes, settings_of)
