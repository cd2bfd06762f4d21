"""`stylize plugins check`: whether a plugin keeps its promises, and what to fix."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer

from stylize.command import require_extra
from stylize.testing.checking import check_target
from stylize.testing.checks import Check, CheckStatus
from stylize.testing.target import find_target

__all__ = ["check"]

MARKS: dict[CheckStatus, str] = {"kept": "ok", "broken": "BROKEN", "skipped": "skipped"}


def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE_OR_PATH",
            help="A project's folder, a Python file, or an installed package or distribution.",
        ),
    ],
    time_limit: Annotated[
        float, typer.Option(help="Seconds that each plugin may take.", min=1)
    ] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that a plugin and its parts keep their promises.

    Runs the contracts of stylize.testing in a separate process. It reports whether each promise is
    kept, and if not, what to fix. Exit codes: 0 all kept; 1 some broken; 2 no plugin; 3 the extra
    `testing` is not installed.
    """
    require_extra("pytest", "testing", "checking a plugin")
    found = find_target(target)
    checks = _print_as_found(check_target(found, time_limit), quiet=as_json)
    counts = Counter(check.status for check in checks)
    if as_json:
        record = {
            "target": target,
            "plugins": found.plugins,
            "checks": [asdict(check) for check in checks],
            **{str(status): counts[status] for status in MARKS},
        }
        typer.echo(json.dumps(record, indent=2))
    else:
        typer.echo(
            f"{counts['kept']} promises kept, {counts['broken']} broken, "
            f"{counts['skipped']} skipped"
        )
    if counts["broken"]:
        raise typer.Exit(1)


def _print_as_found(checks: Iterable[Check], *, quiet: bool) -> list[Check]:
    """Print a line per promise, under the part that made it, and return them all."""
    found: list[Check] = []
    part = ""
    for check in checks:
        found.append(check)
        if quiet:
            continue
        if check.part != part:
            part = check.part
            typer.echo(part)
        typer.echo(
            f"  {MARKS[check.status]:<7}  {check.promise}"
            + (f": {check.fault}" if check.fault else "")
        )
        if check.remedy:
            typer.echo(f"           to fix: {check.remedy}")
    return found
