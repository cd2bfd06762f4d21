"""A batch reports on each job while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stylize import Progress
from stylize.command import STANDARD, Job, Made, Report, run_batch
from stylize.command.crowd import CrowdTeller


@pytest.fixture
def labels(monkeypatch) -> list[str]:
    """The labels of a batch's bars, one after another."""
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


def test_the_line_of_a_job_is_told_once_its_output_is_saved(capsys):
    saved: list[bool] = []
    made = Made(lambda: f"saved {len(saved)}", save=lambda: saved.append(True))
    report = Report(1, as_json=False, quiet=False, debug=False)
    assert run_batch([Job("a", (), "a.png")], report, lambda _: lambda job, observers: made) == 0
    assert "saved 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "options", "code", "said"),
    [
        (1, {}, 2, "0.png: exists"),
        (2, {}, 0, "1 of 2 pictures skipped: the output exists"),
        (2, {"skip_existing": False}, 1, "0.png: exists"),
        (1, {"force": True}, 0, ""),
        (2, {"force": True, "skip_existing": True}, 0, ""),
    ],
)
def test_outputs_that_exist_are_kept_without_force(
    tmp_path, monkeypatch, capsys, count, options, code, said
):
    monkeypatch.chdir(tmp_path)
    Path("0.png").write_bytes(b"kept")
    jobs = [Job(f"{number}.jpg", (), f"{number}.png") for number in range(count)]
    done: list[Job] = []

    def make(job, observers):
        done.append(job)
        return Made("")

    report = Report(count, as_json=False, quiet=False, debug=False)
    assert run_batch(jobs, report, lambda _: make, **options) == code
    assert done == (jobs if options.get("force") else jobs[1:])
    assert said in capsys.readouterr().err


def test_an_input_of_the_batch_is_no_output_of_it_even_with_force(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("sea.png").write_bytes(b"a photograph")
    jobs = [Job("hills.png", (), "sea.png"), Job("sea.png", (), "out.png")]
    report = Report(2, as_json=False, quiet=True, debug=False)
    assert run_batch(jobs, report, lambda _: lambda job, observers: Made(""), force=True) == 1
    assert "sea.png: is an input" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("threads", "share", "load", "environment", "told"),
    [
        (2, 0.5, 3.0, {}, True),
        (2, 0.8, 3.0, {}, False),
        (2, 0.5, 1.9, {}, False),  # nothing else runs: the work itself leaves threads waiting
        (1, 0.4, 3.0, {}, False),
        (2, 0.4, 3.0, {"OMP_NUM_THREADS": "2"}, False),
    ],
)
def test_a_busy_machine_is_told_of_once_while_the_first_steps_are_made(
    monkeypatch, capsys, threads, share, load, environment, told
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    seconds = 100.0
    monkeypatch.setattr("stylize.command.crowd.time.monotonic", lambda: seconds)
    monkeypatch.setattr(
        "stylize.command.crowd.time.process_time", lambda: seconds * share * threads
    )
    teller = CrowdTeller(threads)
    for step in range(9):
        seconds = 100.0 + step
        teller.progressed(Progress(step / 9, step, 9, {}))
    said = capsys.readouterr().err
    assert said.count("OMP_NUM_THREADS=1 stylize ...") == told
    assert ("50% of their time" in said) == told
