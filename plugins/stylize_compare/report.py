"""The files and the messages of `stylize compare`."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import typer

from stylize import Observer, PluginHost, framework_version, write_picture
from stylize.command import (
    INTERRUPTED,
    STANDARD,
    check_output,
    format_seconds,
    say,
    warn,
    watch,
    write_file,
)
from stylize.errors import OutputError, UsageError
from stylize_compare.cells import DISTANCES, Cell, Outcome, judged_of, make_cells
from stylize_compare.comparison import Comparison, title_pair
from stylize_compare.drawing import draw_comparison
from stylize_compare.fronts import TRADES, Standing
from stylize_compare.keeping import find_kept

__all__ = ["SweepFiles", "SweepReport"]

RELEASE = framework_version()


class SweepFiles:
    """The files of a sweep's results: the sheet, its numbers, the cells' folder, and the front."""

    def __init__(self, sheet: Path, front: Path | None) -> None:
        self.sheet = sheet
        self.csv = sheet.with_suffix(".csv")
        self.json = sheet.with_suffix(".json")
        self.front = front
        self.folder = sheet.with_name(f"{sheet.stem}_cells")
        self._replace = False

    def check_name(self) -> None:
        """Raise OutputError for a sheet on standard output."""
        if str(self.sheet) == STANDARD:
            raise OutputError("-o -: compare writes several files: name one, as grid.png")

    def make_folder(self) -> None:
        """Make the folder of the cells. Raises: OutputError."""
        self.check_name()
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.folder}: cannot be written ({error.strerror}): choose another -o"
        )

    def prepare(
        self, host: PluginHost, cells: Sequence[Cell], inputs: Collection[str], *, force: bool
    ) -> dict[Path, Outcome]:
        """Check all outputs before any work, make the folder, and return the cells already made.

        Raises: OutputError; UsageError for cells that were made with other settings.
        """
        self.check_name()
        if self.front and self.front.absolute() == self.sheet.absolute():
            raise OutputError(f"--front {self.front}: is the sheet too: choose another name")
        kept = {} if force else find_kept(host, cells)
        # Then this is the same sweep, and may overwrite its own results.
        replace = self._replace = force or bool(kept)
        for picture in filter(None, (self.sheet, self.front)):
            check_output(picture, force=replace, inputs=inputs)
        for table in (self.csv, self.json):
            if table.is_dir() or (table.exists() and not replace):
                raise OutputError(f"{table}: exists: choose another -o, or replace it with --force")
        self.make_folder()
        try:
            for cell in cells if force else ():
                cell.path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        return kept

    def write(self, comparison: Comparison, width: int, max_pixels: int) -> None:
        """Write all results so far."""
        force = self._replace
        write_file(self.json, comparison.as_json(), force=force)
        write_file(self.csv, comparison.as_csv(), force=force)
        write_picture(draw_comparison(comparison, width, max_pixels), self.sheet, force=force)
        if self.front:
            from stylize_compare.frontplot import plot_fronts

            titles = [title_pair(*pair) for pair in comparison.pairs]
            fronts = {trade: comparison.measured(trade) for trade in TRADES}
            plot = plot_fronts(fronts, titles, comparison.flattered())
            write_picture(plot, self.front, force=force)
        self._replace = True  # this sweep wrote them

    def __str__(self) -> str:
        return ", ".join(map(str, filter(None, (self.sheet, self.csv, self.json, self.front))))


class SweepReport:
    """Makes the missing cells, and reports how each ended."""

    def __init__(self, comparison: Comparison, *, as_json: bool, quiet: bool, debug: bool) -> None:
        self.comparison = comparison
        self.as_json = as_json
        self.quiet = quiet
        self.debug = debug
        self.has_news = False
        self.failed: list[Cell] = []
        self.said: set[str] = set()
        self.todo = self.ended = self.made = 0
        self.started = time.monotonic()

    def run(
        self, host: PluginHost, kept: Mapping[Path, Outcome], max_pixels: int, judge_size: int
    ) -> int:
        """Make all cells that are not kept, and return the exit code.

        Kept cells that are outdated are made again. Those that were judged at another size, or by
        another release, are judged again.
        """
        total = len(self.comparison.cells)
        outdated = [outcome for outcome in kept.values() if outcome.outdated]
        kept = {path: outcome for path, outcome in kept.items() if not outcome.outdated}
        stale: list[Cell] = []
        for outcome in kept.values():
            judged = judged_of(outcome)
            if (judged.get("judge_size"), judged.get("judge")) == (judge_size, RELEASE):
                self._note(outcome)
            else:
                self.comparison.add(outcome)
                stale.append(outcome.cell)
        if kept and not self.quiet:
            say(f"{len(kept)} of {total} pictures are kept from before")
        if outdated and not self.quiet:
            changes = dict.fromkeys(change for each in outdated for change in each.outdated)
            say(f"{len(outdated)} of {total} pictures are made again: {'; '.join(changes)}")
        if stale and not self.quiet:
            say(
                f"{len(stale)} of them were judged at another size, or by another release: "
                f"judging them again"
            )
        todo = list({c.path: c for c in self.comparison.cells if c.path not in kept}.values())
        self.todo, self.has_news = len(todo), not (todo or stale)
        try:
            for outcome in make_cells(
                host,
                todo,
                self._watch,
                max_pixels,
                judge_size=judge_size,
                judge_again=stale,
            ):
                self.has_news |= bool(kept) or not outcome.impossible
                self._note(outcome)
        except KeyboardInterrupt:
            done = len(self.comparison.outcomes) - len(self.failed)
            say(
                f"stylize: interrupted, {done} of {total} pictures are kept: run it again to "
                f"continue"
            )
            return INTERRUPTED
        if self.failed and not self.has_news:
            say(f"stylize: none of the {total} pictures can be made: change what is said above")
            return UsageError.exit_code
        if self.failed:
            say(f"stylize: {len(self.failed)} of {total} pictures failed: the results say why")
        return 1 if self.failed else 0

    def tell_results(self, files: SweepFiles) -> None:
        """Report where the results are, and how the fronts compare."""
        for doubt in self.comparison.doubts():
            warn(doubt)
        if self.quiet:
            return
        say(f"written: {files}")
        standings = self.comparison.standings()
        if standings and not self.as_json:
            tables = [[s for s in standings if s.of == trade.of] for trade in TRADES]
            flattered = self.comparison.flattered()
            typer.echo("\n\n".join(format_standings(table, flattered) for table in tables))
            if flattered:
                typer.echo("* optimised on the judge's own network, which flatters it")

    def _watch(self, cell: Cell) -> AbstractContextManager[list[Observer]]:
        """Return the progress bar of a cell that begins, with the time left for all of them."""
        label = f"{self.ended + 1}/{self.todo} {cell.variant.label}{self._time_left()}"
        return watch(label, quiet=self.quiet)

    def _time_left(self) -> str:
        if not self.made or self.ended == self.todo:
            return ""
        each = (time.monotonic() - self.started) / self.made
        return f", {format_seconds(each * (self.todo - self.ended))} left"

    def _note(self, outcome: Outcome) -> None:
        """Record how a cell ended, and report it."""
        self.comparison.add(outcome)
        cell = outcome.cell
        self.ended += not outcome.kept
        self.made += not (outcome.kept or outcome.error)
        for warning in outcome.warnings:
            if warning not in self.said:
                self.said.add(warning)
                warn(warning)
        row = self.comparison.row(cell)
        if self.as_json:
            typer.echo(json.dumps(row))
        if outcome.error:
            self.failed.append(cell)
            if self.debug:
                traceback.print_exception(outcome.error)
            said = f"{cell.variant.label if outcome.impossible else cell.title}: {row['error']}"
            if said not in self.said:  # once of all pictures that cannot be set up
                say(f"stylize: {said}")
            self.said.add(said)
        elif not (self.quiet or self.as_json or outcome.kept):
            distances = [f"{name} {format_distance(row[f'{name}_distance'])}" for name in DISTANCES]
            say(
                f"{self.ended}/{self.todo} {cell.title}: {', '.join(distances)}, "
                f"{row['seconds']:.1f} s{self._time_left()}"
            )


def format_standings(standings: Sequence[Standing], flattered: Collection[str]) -> str:
    """Write the comparison of a trade's fronts as a table of text."""
    of, at = standings[0].of, standings[0].at
    first, pairs = standings[0].reference_variant, standings[0].pairs
    over = f"; medians over {pairs} pairs" if pairs > 1 else ""
    names = [
        standing.variant + (" *" if standing.variant in flattered else "") for standing in standings
    ]
    width = max(map(len, names))
    against = f"{first} *" if first in flattered else first
    lines = [
        f"{of.capitalize()} distance at equal {at} distance, against {against}{over}:",
        f"{'':{width}}  {at:14}  {of:7}  against  difference  lower on",
    ]
    for name, standing in zip(names, standings, strict=True):
        lines.append(f"{name:{width}}  {_format_standing(standing)}")
    return "\n".join(lines)


def _format_standing(standing: Standing) -> str:
    apart = standing.pairs - standing.compared
    if standing.low is None or standing.high is None or standing.difference is None:
        return f"no {standing.at} distance in common: vary the strength further"
    left_out = f", {apart} without {standing.at} distances in common" if apart else ""
    return (
        f"{format_distance(standing.low)} to {format_distance(standing.high)}  "
        f"{format_distance(standing.value):7}  {format_distance(standing.reference):7}  "
        f"{standing.difference:+10.3f}  {standing.lower} of {standing.compared}{left_out}"
    )


def format_distance(distance: float | None) -> str:
    """Write a judged distance; a blank picture has none."""
    return "none" if distance is None else f"{distance:.3f}"
