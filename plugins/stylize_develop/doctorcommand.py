"""`stylize plugins doctor`: what is wrong with the installation and its plugins, and what to do."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from stylize_develop.doctor import Diagnosis, diagnose

__all__ = ["doctor"]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    time_limit: Annotated[
        float,
        typer.Option(
            "--time-limit",
            min=1,
            metavar="SECONDS",
            help="Seconds that each step of a plugin may take: its import, a hook, a part.",
        ),
    ] = 20.0,
) -> None:
    """Find problems of the installation and its plugins, and say how to fix each.

    Loads every plugin and part in a separate process, so it works even if a plugin hangs or ends
    the program. The exit code is 1 if there is a problem; advice alone is no problem.
    """
    diagnosis = diagnose(time_limit)
    if as_json:
        record = {
            "versions": diagnosis.versions,
            "problems": [asdict(finding) for finding in diagnosis.problems],
            "advice": [asdict(finding) for finding in diagnosis.advice],
        }
        typer.echo(json.dumps(record, indent=2))
    else:
        _print(diagnosis)
    if diagnosis.problems:
        raise typer.Exit(1)


def _print(diagnosis: Diagnosis) -> None:
    typer.echo(", ".join(f"{name} {version}" for name, version in diagnosis.versions.items()))
    for finding in (*diagnosis.problems, *diagnosis.advice):
        typer.echo(f"{finding.level}: {finding.about} {finding.message}\n  do: {finding.remedy}")
    problems, advice = len(diagnosis.problems), len(diagnosis.advice)
    typer.echo(f"problems: {problems}, advice: {advice}" if problems else "nothing is wrong")
