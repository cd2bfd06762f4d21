"""`make gpu`, as far as the CPU can test it: the same code, tiny."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gpu.agreement import LEVELS, compare, equality
from gpu.kit import EXTENTS, Kit, methods
from gpu.matrix import Combination, order_by_pairs, take_two_steps
from gpu.report import describe_machine, write_report
from gpu.tasks import Clock, NotRun, Outcome, Row, Section, Task, run_sections
from gpu.traffic import count_events
from stylize import BuiltParts, Kind, PluginHost, Stylizer, find_model, to_pil
from stylize.errors import ExtraMissingError

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def task(name: str, outcome: Outcome | Exception, seconds: float = 0.0, **options: float) -> Task:
    def run(clock: Clock) -> Outcome:
        time.sleep(seconds)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Task(name, run, **options)


def rows_of(*sections: Section, seconds: float = 60) -> dict[str, Row]:
    return {row.task: row for row in run_sections(sections, time.monotonic() + seconds)}


# Tasks against the clock.


def test_a_task_holds_fails_or_is_measured():
    rows = rows_of(
        Section(
            "one",
            1,
            [
                task("holds", Outcome(claims={"so": True})),
                task("fails", Outcome(claims={"so": True, "not so": False})),
                task("is measured", Outcome({"ms": 3.0})),
            ],
        )
    )
    assert [row.status for row in rows.values()] == ["holds", "FAILS", "measured"]
    assert [row.failed for row in rows.values()] == [False, True, False]


def test_a_task_that_raises_fails_and_stops_nothing():
    rows = rows_of(Section("one", 1, [task("bad", ValueError("why")), task("good", Outcome())]))
    assert rows["bad"].failed
    (claim,) = rows["bad"].outcome.claims
    assert "ValueError" in claim
    assert "why" in claim
    assert rows["good"].status == "measured"


@pytest.mark.parametrize("error", [NotRun("no card"), ExtraMissingError("pip install it")])
def test_what_cannot_be_done_here_is_not_run_with_its_reason(error):
    row = rows_of(Section("one", 1, [task("it", error)]))["it"]
    assert (row.status, row.outcome.skipped) == ("not run", str(error))


def test_running_out_of_memory_skips_a_measurement_and_fails_a_check():
    error = torch.OutOfMemoryError("CUDA out of memory.")
    rows = rows_of(
        Section("measured", 1, [task("time", error)], checks=False),
        Section("checked", 1, [task("claim", error)]),
    )
    assert rows["time"].status == "not run"
    assert "out of memory" in rows["time"].outcome.skipped
    assert rows["claim"].failed


def test_tasks_that_do_not_fit_are_reported_as_not_run():
    slow = [task(f"slow {number}", Outcome(), 0.2) for number in range(3)]
    rows = rows_of(
        Section("one", 1, slow),
        Section("two", 1, [task("long", Outcome(), least=30), task("short", Outcome())]),
        seconds=0.6,
    )
    assert rows["slow 0"].status == "measured"
    assert rows["slow 2"].status == "not run"
    assert "30 s are needed" in rows["long"].outcome.skipped
    assert rows["short"].status == "measured"
    assert len(rows) == 5


def test_time_that_a_section_does_not_use_goes_to_the_next():
    seen: list[float] = []

    def note(clock: Clock) -> Outcome:
        seen.append(clock.left)
        return Outcome()

    rows_of(Section("a", 1, [Task("a", note)]), Section("b", 1, [Task("b", note)]), seconds=100)
    assert seen[0] == pytest.approx(50, abs=1)
    assert seen[1] == pytest.approx(100, abs=1)


# The matrix.


def test_combinations_meet_every_pair_of_parts_early():
    axes = [[f"{axis}{number}" for number in range(5)] for axis in "mbsl"]
    every = [Combination(*each) for each in itertools.product(*axes)]
    ordered = order_by_pairs(every)
    assert sorted(map(str, ordered)) == sorted(map(str, every))
    met = set().union(*(combination.pairs for combination in ordered[:75]))
    assert met == set().union(*(combination.pairs for combination in every))
    assert ordered == order_by_pairs(every)


@pytest.fixture(scope="module", params=["quick", "tiny"])
def kit(request, tmp_path_factory) -> Kit:
    extent = EXTENTS[request.param]
    folder = tmp_path_factory.mktemp("kit")
    return Kit(PluginHost.discover(), torch.device("cpu"), extent, folder)


@pytest.mark.parametrize("trainable", [False, True])
def test_every_method_takes_two_steps_at_the_size_of_each_extent(kit, trainable):
    # Pictures of the demo pair differ in size, and the pictures of a batch may not.
    for spec in methods(kit.host, trainable=trainable):
        take_two_steps(kit, Combination(spec.name, "vgg16.oxford", "none", "gram"), torch.float32)


def test_a_first_step_that_goes_too_far_is_a_step(kit):
    # The best picture so far is then still the photograph.
    parts = "gatys", "resnet50_thin.open_nsfw", "tanh", "nearest_neighbor"
    take_two_steps(kit, Combination(*parts), torch.float32)


# Agreement.


def test_a_model_makes_pictures_of_the_painting_that_it_holds(kit):
    name = next(n for n in kit.host.names(Kind.MODEL) if find_model(kit.host, n).header.base)
    made = kit.make(kit.parts(method="adain", model=name), 48)
    stylizer = Stylizer(model=name, device="cpu", precision="float32")
    torch.testing.assert_close(made, stylizer(to_pil(kit.pictures(48)[0])).tensor)


@pytest.mark.skipif(torch.cuda.is_available(), reason="adds bfloat16's own difference")
def test_other_strokes_are_no_fault_of_a_model_that_searches_and_other_pictures_are(
    kit, monkeypatch
):
    def claims(change: Callable[[torch.Tensor], None]) -> dict[str, bool]:
        one = dataclasses.replace(kit, extent=dataclasses.replace(kit.extent, sample=1))
        plain = Kit.make

        def make(self: Kit, parts: BuiltParts, *arguments: Any, **run: Any) -> torch.Tensor:
            made = plain(self, parts, *arguments, **run)
            if parts.dtype == torch.bfloat16:
                change(made)
            return made

        monkeypatch.setattr(Kit, "make", make)
        (*_, task) = equality(one, one).tasks
        found = task.run(Clock(time.monotonic() + 60)).claims
        monkeypatch.undo()
        return found

    def put_other_strokes(made: torch.Tensor) -> None:
        made[..., : made.shape[-1] // 6] = 1 - made[..., : made.shape[-1] // 6]

    assert all(claims(put_other_strokes).values())
    assert not all(claims(lambda made: made.add_(2 * LEVELS["bfloat16"] / 255)).values())


# Traffic.


def test_adam_sends_no_constant_to_a_gpu(kit, monkeypatch):
    # Where torch is not told otherwise, it takes the form for several tensors, on GPUs only.
    adam = sys.modules["torch.optim.adam"]  # torch.optim hides it
    monkeypatch.setattr(adam, "_default_to_fused_or_foreach", lambda *_, **__: (False, True))

    def events(evaluations: int) -> dict[str, float]:
        chosen = {"optimizer": "adam", "scales": [1.0], "iterations": [evaluations]}
        parts = kit.parts(method="gatys", options={"gatys": chosen})
        return count_events(kit, lambda: kit.make(parts, 48))

    few, more = events(2), events(4)
    assert more["constants"] == few["constants"]
    assert more["waits"] - few["waits"] <= 2 * 2


def test_an_error_of_a_thousandth_is_seen():
    wanted = torch.rand(3, 8, 8)
    assert compare(wanted, wanted) == 0
    assert compare(wanted * 1.001, wanted) == pytest.approx(1e-3, rel=0.01)
    assert not compare(wanted * float("nan"), wanted) <= 1


# The report.


def test_the_report_has_every_row_and_the_machine(tmp_path):
    rows = [
        Row("Times", "gatys", "measured", 1.5, Outcome({"ms": 12.34567})),
        Row("Checks", "equal", "FAILS", 0.1, Outcome(claims={"to 1e-3": False, "so": True})),
        Row("Checks", "graph", "not run", 0.0, Outcome(skipped="no time is left")),
    ]
    write_report(tmp_path, describe_machine(torch.device("cpu")), "quick", 12.3, rows)
    whole = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert whole["machine"]["torch"] == torch.__version__
    assert {"name", "driver", "cuda", "cudnn"} <= whole["machine"].keys()
    assert [row["task"] for row in whole["rows"]] == ["gatys", "equal", "graph"]
    assert whole["failed"] == 1
    page = (tmp_path / "gpu.md").read_text("utf-8")
    assert f"torch {torch.__version__}" in page
    assert "| gatys | measured | ms 12.35 |" in page
    assert "| equal | FAILS | FAILS: to 1e-3 |" in page
    assert "| graph | not run | not run: no time is left |" in page
    assert "1 failed, 1 not run" in page


# The command.


@pytest.fixture
def gpu(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m gpu` as the Makefile does."""
    paths = (ROOT / "core", ROOT / "plugins", TESTS, TESTS / "benchmarks")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "gpu", *arguments, "-o", str(tmp_path)]
        return subprocess.run(line, env=variables, capture_output=True, text=True, check=False)

    return run


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_exits_3_and_says_so_in_a_line(gpu, tmp_path):
    ended = gpu("--extent", "quick")
    assert ended.returncode == 3
    assert ended.stderr.startswith("make gpu: device 'cuda' cannot be used")
    assert ended.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_makefile_passes_extent_and_device_on():
    line = ["make", "--dry-run", "gpu", "GPU=tiny", "DEVICE=cpu"]
    said = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m gpu --extent tiny --device cpu" in said


@pytest.mark.slow
def test_the_same_code_runs_tiny_on_the_cpu(gpu, tmp_path):
    ended = gpu("--extent", "tiny", "--device", "cpu", "--seconds", "560")
    whole = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    failed = [(row["task"], row["claims"]) for row in whole["rows"] if row["status"] == "FAILS"]
    assert not failed
    assert ended.returncode == 0, ended.stderr
    sections = {row["section"] for row in whole["rows"]}
    done = {row["section"] for row in whole["rows"] if row["status"] != "not run"}
    assert sections - done == {"Memory"}  # not counted on the CPU
    for row in whole["rows"]:
        assert "no time" not in row["not_run"], row["task"]
