"""The name that was meant by a misspelt one."""

from __future__ import annotations

import pytest

from stylize.command import nearest_name

BACKBONES = ("resnet18", "resnet34", "resnet50", "resnet50_thin", "resnet101", "vgg16", "vgg19")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("vgg61", "vgg16"),
        ("vgg91", "vgg19"),
        ("vg16", "vgg16"),
        ("vggg19", "vgg19"),
        ("vgg18", "vgg19"),  # one slip from either: difflib's choice
        ("resnte50", "resnet50"),
        ("resnet5", "resnet50"),
        ("resnet110", "resnet101"),
        ("resnet50_thni", "resnet50_thin"),
        ("alexnet", None),
        ("", None),
    ],
)
def test_the_fewest_slips_decide_and_two_swapped_letters_are_one(word, name):
    assert nearest_name(word, BACKBONES) == name
    assert nearest_name(word, reversed(BACKBONES)) == name


def test_among_no_names_none_is_near():
    assert nearest_name("vgg16", ()) is None
