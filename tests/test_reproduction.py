"""`make reproduce`: it checks every claim that it can, and its table has the results."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stylize.errors import WeightsUnavailableError
from stylize_compare.bench.protocol import PAIRS, QUICK

SCRIPTS = Path(__file__).parents[1] / "docs" / "reproduction"
TINY = replace(QUICK, size=64, judge_size=64, iterations=3, strengths=(1, 50), pairs=PAIRS[:1])


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The modules of the reproduction, importable only during the test."""
    monkeypatch.syspath_prepend(SCRIPTS)
    names = ("paper", "claims", "make")
    found = SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    yield found
    for name in names:
        del sys.modules[name]


def test_weights_that_are_not_at_hand_end_it_with_the_remedy(
    scripts, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    code = scripts.make.main(["--folder", str(tmp_path / "out")])
    assert code == WeightsUnavailableError.exit_code
    assert "--random --quick" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_random_weights_are_only_tried(scripts, tmp_path):
    with pytest.raises(SystemExit) as ended:
        scripts.make.main(["--random", "--vgg19", str(tmp_path / "vgg19.pth")])
    assert ended.value.code == 2


def test_a_verdict_follows_what_was_measured(scripts):
    claims = scripts.claims

    def paper(**levels: float) -> Any:
        rows = [
            {
                "varied": {"gatys.optimizer": name},
                "style_distance": levels[name],
                "content_distance": 1.0,
                "seconds": seconds,
                "peak_memory": None,
            }
            for name, seconds in (("lbfgs", 2.0), ("adam", 1.0))
        ]
        return SimpleNamespace(vgg=(), work=(), few=(), compare=lambda *words: {"rows": rows})

    measured, verdict = claims.optimisers(paper(lbfgs=0.2, adam=0.3))
    assert measured.startswith("L-BFGS and Adam: style 0.2 and 0.3")
    assert "peak memory none and none" in measured
    assert verdict == "agrees for the picture, time", "memory that is not measured proves nothing"
    assert claims.optimisers(paper(lbfgs=0.3, adam=0.2))[1] == "agrees for time"


@pytest.mark.slow
def test_a_trial_with_random_weights_runs_every_claim(scripts, tmp_path, monkeypatch, capsys):
    for module in ("claims", "paper"):
        monkeypatch.setattr(getattr(scripts, module), "PHOTOS", scripts.paper.PHOTOS[:1])
    monkeypatch.setattr(scripts.claims, "SMOOTHINGS", ("softmax", "scale"))
    monkeypatch.setattr(scripts.claims, "STRENGTHS", "1,10")
    monkeypatch.setattr(scripts.paper, "QUICK", TINY)
    monkeypatch.setattr("stylize_compare.bench.command.QUICK", TINY)
    table = scripts.make.TABLE.read_bytes()
    words = ["--random", "--quick", "--device", "cpu", "--folder", str(tmp_path / "out")]
    assert scripts.make.main(words) == 0
    text = (tmp_path / "out" / "table.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    assert scripts.make.TABLE.read_bytes() == table, "a trial has no place on the page"
    rows = [line.split(" | ") for line in text.splitlines()[2:] if line.startswith("| ")]
    assert [row[1] for row in rows] == [claim.text for claim in scripts.claims.CLAIMS]
    not_run = [row[1] for row in rows if row[3].startswith("not run")]
    assert not_run == [claim.text for claim in scripts.claims.CLAIMS[3:5]], text
    assert "Random weights" in text
