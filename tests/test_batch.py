"""A batch: each job is told of while it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stylize.command import STANDARD, Job, Made, Report, run_batch


@pytest.fixture
def labels(monkeypatch) -> list[str]:
    """What the bars of a batch are called, one after another."""
    found: list[str] = []

    @contextmanager
    def watch(label: str, **_: object) -> Iterator[list[object]]:
        found.append(label)
        yield []

    monkeypatch.setattr("stylize.command.batch.watch", watch)
    return found


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["holidays/sea.jpg"], ["sea.jpg"]),
        (["sea.jpg", "hills.jpg"], ["sea.jpg (1 of 2)", "hills.jpg (2 of 2)"]),
        ([STANDARD], ["standard input"]),
    ],
)
def test_the_bar_says_which_of_the_jobs_it_is_of(labels, names, expected):
    jobs = [Job(name, (), f"{number}.png") for number, name in enumerate(names)]
    report = Report(len(jobs), as_json=False, quiet=True, debug=False)
    assert run_batch(jobs, report, lambda _: lambda job, observers: Made("")) == 0
    assert labels == expected


def test_a_job_is_of_its_content_or_else_of_its_first_style():
    assert Job("photo.jpg", ("painting.jpg",), "out.png").source == "photo.jpg"
    assert Job(None, ("painting.jpg", "other.jpg"), "out.png").source == "painting.jpg"
