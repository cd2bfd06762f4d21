"""The default command: photographs and paintings in, pictures out."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylize.cli.group import DEFAULT_COMMAND
from stylize.cli.options import collect_settings, with_settings_options
from stylize.cli.report import ProgressBar, say, warn, write_json
from stylize.errors import OutputError, StylizeError, UsageError
from stylize.images import check_output, expand_contents
from stylize.plan import RunSettings, make_plan
from stylize.plugins import PluginHost

if TYPE_CHECKING:
    from stylize.pictures import Result, Stylizer

__all__ = ["add_command", "make_pictures"]

DEMO_CONTENT, DEMO_STYLE = "china.jpg", "starry_night.jpg"
STANDARD = "-"


@dataclass(frozen=True)
class Job:
    """One picture to make: its content (None for a texture), its styles and where it goes."""

    content: str | None
    styles: tuple[str, ...]
    output: str

    @property
    def title(self) -> str:
        return Path(self.content or self.styles[0]).name


def add_command(app: typer.Typer) -> None:
    """Add the default command."""
    app.command(DEFAULT_COMMAND)(with_settings_options(picture))


def picture(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Photographs (files, folders, quoted globs or -), then one painting; with "
            "--style, photographs only; none at all for the demo pair.",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        list[str] | None,
        typer.Option("--style", "-s", help="A painting; repeat it for a blend of several."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", help="A file for one picture, a folder for several, - for stdout."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Overwrite pictures that exist.")
    ] = False,
    preset: Annotated[
        str | None,
        typer.Option("--preset", "-p", help="Named settings: see stylize presets list."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PART.OPTION=VALUE", help="A setting of a part: gatys.optimizer=adam."
        ),
    ] = None,
    no_style: Annotated[
        bool, typer.Option("--no-style", help="Reconstruct the photographs from content alone.")
    ] = False,
    no_content: Annotated[
        bool, typer.Option("--no-content", help="Make a texture of the paintings alone.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON record a picture on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    max_pixels: Annotated[
        int, typer.Option(min=1, help="Refuse images with more pixels than this.")
    ] = 128_000_000,
    **settings: str | None,
) -> None:
    """Make pictures: the default command, whose name can be left out."""
    host: PluginHost = ctx.obj
    run_settings = collect_settings(host, settings, preset, assignments or ())
    if not files and not style and not quiet:
        say(f"no files given: using the demo pair, {DEMO_CONTENT} and {DEMO_STYLE}")
    contents, styles = sort_files(
        files or [], style or [], no_style=no_style, no_content=no_content
    )
    jobs = plan_jobs(contents, styles, output, run_settings.method)
    code = make_pictures(
        host,
        run_settings,
        jobs,
        force=force,
        as_json=as_json,
        quiet=quiet,
        max_pixels=max_pixels,
    )
    raise typer.Exit(code)


def sort_files(
    files: Sequence[str], styles: Sequence[str], *, no_style: bool, no_content: bool
) -> tuple[list[str | None], list[str]]:
    """Tell contents from styles: without `--style` the last file is the style.

    Raises: UsageError.
    """
    if no_style and (no_content or styles):
        raise UsageError("--no-style takes photographs only: leave out --style and --no-content")
    if not files and not styles:
        demo = resources.files("stylize") / "demo"
        content, painting = str(demo / DEMO_CONTENT), str(demo / DEMO_STYLE)
        return [None if no_content else content], [] if no_style else [painting]
    if no_content:
        return [None], [*styles, *files]
    if no_style:
        return list(expand_contents(files)), []
    if not styles:
        if len(files) < 2:
            raise UsageError(
                f"{files[0]} alone: give a photograph and a painting, or use --no-style "
                f"to reconstruct it, or --no-content to make a texture of it"
            )
        files, styles = files[:-1], files[-1:]
    if not files:
        raise UsageError("--style without a photograph: give one, or use --no-content")
    return list(expand_contents(files)), list(styles)


def plan_jobs(
    contents: Sequence[str | None], styles: Sequence[str], output: str | None, method: str
) -> list[Job]:
    """Give every picture a name that no other of this run has.

    Raises: UsageError, OutputError.
    """
    several = len(contents) > 1
    if output == STANDARD and several:
        raise UsageError(f"-o - takes one picture, not {len(contents)}: use a folder")
    folder = _output_folder(output, several)
    jobs: list[Job] = []
    taken: set[Path] = set()
    for content in contents:
        stems = [_stem(name) for name in (content, *styles) if name]
        if folder is None:
            target = str(output)
        else:
            stem = "_".join([*stems, method])
            path = folder / f"{stem}.png"
            number = 2
            while path in taken:
                path = folder / f"{stem}_{number}.png"
                number += 1
            taken.add(path)
            target = str(path)
        jobs.append(Job(content, tuple(styles), target))
    return jobs


def _output_folder(output: str | None, several: bool) -> Path | None:
    """Return the folder that pictures go to, or None where `output` is the one file itself."""
    if output is None:
        return Path()
    path = Path(output)
    if path.is_dir():
        return path
    if output == STANDARD or not (several or output.endswith("/")):
        return None
    if path.exists():
        raise OutputError(f"-o {output} is a file, and there are several pictures: give a folder")
    try:
        path.mkdir()
    except OSError as error:
        raise OutputError(f"folder {output} cannot be made ({error.strerror}): make it") from error
    return path


def _stem(name: str) -> str:
    return "stdin" if name == STANDARD else Path(name).stem


def make_pictures(
    host: PluginHost,
    settings: RunSettings,
    jobs: Sequence[Job],
    *,
    force: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    max_pixels: int = 128_000_000,
) -> int:
    """Make all pictures with one loaded network and return the exit code.

    A picture that fails does not stop the rest; a single one raises its error instead.
    """
    plan = make_plan(host, settings)
    for problem in plan.problems:
        warn(problem.message)
    todo, skipped = _without_finished(jobs, force=force)
    if skipped and not quiet:
        say(f"{skipped} of {len(jobs)} pictures exist already: skipped (--force makes them again)")
    if not todo:
        return 0

    from stylize.pictures import Stylizer

    stylizer = Stylizer(settings, host, max_pixels=max_pixels)
    failed: list[str] = []
    with _interruptible(stylizer):
        for job in todo:
            if stylizer.cancelled.is_set():
                break
            try:
                result = _make(stylizer, job, force=force, quiet=quiet)
            except StylizeError as error:
                if len(jobs) == 1 and not as_json:
                    raise
                failed.append(job.title)
                message = " ".join(str(error).split())
                say(f"stylize: {job.title}: {message}")
                if as_json:
                    write_json({"content": job.content, "output": None, "error": message})
                if len(jobs) == 1:
                    return error.exit_code
                continue
            _report(result, job, as_json=as_json, quiet=quiet)
    if failed:
        say(f"stylize: {len(failed)} of {len(todo)} pictures failed: {', '.join(failed)}")
    if stylizer.cancelled.is_set():
        return 130
    return 1 if failed else 0


def _without_finished(jobs: Sequence[Job], *, force: bool) -> tuple[list[Job], int]:
    """Leave out pictures of a folder run that exist, and refuse bad outputs before any work."""
    if len(jobs) == 1:
        job = jobs[0]
        inputs = [Path(name) for name in (job.content, *job.styles) if name and name != STANDARD]
        check_output(job.output, force=force, inputs=inputs)
        return list(jobs), 0
    todo = [job for job in jobs if force or not Path(job.output).exists()]
    return todo, len(jobs) - len(todo)


def _make(stylizer: Stylizer, job: Job, *, force: bool, quiet: bool) -> Result:
    with ProgressBar(job.title, enabled=not quiet) as bar:
        stylizer.observers = (bar,)
        result = stylizer(job.content, job.styles)
    result.save(job.output, force=force)
    return result


def _report(result: Result, job: Job, *, as_json: bool, quiet: bool) -> None:
    record = result.record
    for warning in result.warnings:
        warn(warning)
    if as_json:
        write_json({"output": job.output, **record}, to_stderr=job.output == STANDARD)
    if not quiet:
        stopped = {"done": "", "time": ", stopped in time", "interrupted": ", interrupted"}
        say(
            f"{job.output}: {record['width']}x{record['height']}, {record['steps']} steps, "
            f"{record['seconds']:.1f} s on {record['device']} in "
            f"{record['settings']['precision']}{stopped[result.stopped]}"
        )


@contextlib.contextmanager
def _interruptible(stylizer: Stylizer) -> Iterator[None]:
    """Make the first Ctrl-C (or SIGTERM) ask for the best image so far; a second one is final."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: Any) -> None:
        del number, frame
        if stylizer.cancelled.is_set():
            raise KeyboardInterrupt
        say("stopping: saving the best picture so far (Ctrl-C again to drop it)")
        stylizer.cancel()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
