"""Types for editors and type checkers: the settings as keywords, inputs and results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from torch import Tensor

from stylize import RunSettings, SettingsKeywords, find_part_options
from stylize.testing.hosts import builtin_host

ROOT = Path(__file__).parents[1]


def choices(annotation: Any) -> set[object]:
    """Return the values of all Literals in a type."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return set().union(*map(choices, get_args(annotation)))


def test_keywords_are_the_settings_of_a_run_and_the_options_of_built_in_parts():
    keywords = get_type_hints(SettingsKeywords, localns={"Tensor": Tensor})
    fields = RunSettings.model_fields
    assert list(keywords) == [*fields, *sorted(find_part_options(builtin_host()))]
    for name, field in fields.items():
        assert choices(keywords[name]) == choices(field.annotation), name
        assert (type(None) in get_args(keywords[name])) == (field.default is None), name


@pytest.mark.slow
def test_a_typed_program_passes_mypy_and_its_mistakes_do_not():
    """Each of its mistakes has an ignore; strict mypy reports unused ignores."""
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "tests/typed_user.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
