"""From the words of a command line to the pictures to make: contents, styles and outputs."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from stylize.contract.plan import Plan
from stylize.errors import ImageError, OutputError, UsageError
from stylize.missing import tell_missing
from stylize.pictures.listing import expand_contents

__all__ = ["DEMO", "STANDARD", "Job", "plan_jobs", "require_files", "sort_files"]

DEMO = "china.jpg", "starry_night.jpg"
STANDARD = "-"
# File systems take names of 255 bytes; the method, a number and the extension come on top.
LONGEST_STEM = 200


@dataclass(frozen=True)
class Job:
    """One picture to make: its content (None for a texture), its styles and where it goes."""

    content: str | None
    styles: tuple[str, ...]
    output: str

    @property
    def source(self) -> str:
        """The content, or the first style without one: a file, or - for standard input."""
        return self.content or self.styles[0]

    @property
    def title(self) -> str:
        """What messages call the picture: its source."""
        return "standard input" if self.source == STANDARD else self.source

    @property
    def inputs(self) -> list[Path]:
        """The files that are read."""
        return [Path(name) for name in (self.content, *self.styles) if name and name != STANDARD]


def sort_files(
    files: Sequence[str],
    styles: Sequence[str],
    *,
    no_style: bool,
    no_content: bool,
    plan: Plan | None = None,
    expand: Callable[[Sequence[str]], list[str]] = expand_contents,
) -> tuple[list[str | None], list[str]]:
    """Tell contents from styles: without `--style` the last file is the style.

    Folders and globs among the contents are expanded; no files at all mean the demo pair.

    Args:
        no_style: of the option, or of a method that needs no style image.
        plan: of the run, which may need no style image either.
        expand: gives the contents that arguments stand for.

    Raises: UsageError; ImageError for a painting, or a single file, that is not there.
    """
    learnt = _learnt(plan) if plan else ""
    no_style = no_style or bool(learnt)
    if no_style and (no_content or styles):
        raise _beside_photographs(styles, no_content, learnt)
    if [*files, *styles].count(STANDARD) > 1:
        raise UsageError("- is given twice, and standard input holds one picture: name a file")
    if not files and not styles:
        content, painting = (str(resources.files("stylize") / "demo" / name) for name in DEMO)
        return [None if no_content else content], [] if no_style else [painting]
    if no_content:
        return [None], [*styles, *files]
    if no_style:
        return list(expand(files)), []
    if not styles:
        if len(files) < 2:
            require_files(expand(files))
            raise UsageError(
                f"{files[0]} alone: give a painting too, or a trained style (--model "
                f"starry_night, see stylize models), or use --no-style to reconstruct it, or "
                f"--no-content to make a texture of it"
            )
        files, styles = files[:-1], files[-1:]
    if not files:
        raise UsageError("--style without a photograph: give one, or use --no-content")
    contents = expand(files)
    require_files(styles)  # here, or each of a thousand photographs fails for want of it
    if STANDARD in styles and len(contents) > 1:
        raise UsageError("- as the painting serves one photograph: name a file for several")
    return list(contents), list(styles)


def _learnt(plan: Plan) -> str:
    """Return what has learnt its style; "" if the run needs paintings."""
    if plan.needs_style:
        return ""
    return f"model {plan.model.name}" if plan.model else f"method {plan.method.name}"


def _beside_photographs(styles: Sequence[str], no_content: bool, learnt: str) -> UsageError:
    """Return what is said of options that do not go with photographs alone."""
    given = {"--style": " ".join(styles)} if styles else {}
    given |= {"--no-content": ""} if no_content else {}
    told = " and ".join(f"{option} {value}".strip() for option, value in given.items())
    taker = f"{learnt} has learnt its style and" if learnt else "--no-style"
    return UsageError(f"{told}: {taker} takes photographs only: leave out {' and '.join(given)}")


def require_files(names: Iterable[str | Path]) -> None:
    """Check that inputs are there, before anything heavy is loaded.

    Raises: ImageError for the first that is not, with the nearest name in its folder.
    """
    for name in names:
        if str(name) != STANDARD and not Path(name).exists():
            raise ImageError(tell_missing(name))


def plan_jobs(
    contents: Sequence[str | None],
    styles: Sequence[str],
    output: str | None,
    maker: str,
    suffix_of: Callable[[str], str] = lambda _: ".png",
) -> list[Job]:
    """Give every picture a name that no other of this run has; `maker` is the end of names.

    The extension is `suffix_of` the content.

    Several contents leave out those that are a style or the output of another: a folder may hold
    the painting too, and, in a second run, the pictures that went into it.

    Raises: UsageError, OutputError.
    """
    if output == STANDARD and len(contents) > 1:
        raise UsageError(f"-o - takes one picture, not {len(contents)}: give a folder")
    folder = _output_folder(output, several=len(contents) > 1)
    if folder is None:
        return [Job(content, tuple(styles), str(output)) for content in contents]
    jobs: list[Job] = []
    taken: set[str] = set()
    for content in contents:
        inputs = [name for name in (content, *styles) if name]
        path = _free_name(folder, inputs, maker, suffix_of(content or ""), taken)
        jobs.append(Job(content, tuple(styles), str(path)))
    unwanted = {_absolute(name) for name in (*styles, *(job.output for job in jobs))}
    return [job for job in jobs if _absolute(job.content or "") not in unwanted] or jobs


def _absolute(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100  resolve() would take a link for its target


def _output_folder(output: str | None, *, several: bool) -> Path | None:
    """Return the folder that pictures go to, made if need be; None where `output` is the file."""
    if output is None:
        return Path()
    path = Path(output)
    if path.is_dir():
        return path
    if output == STANDARD or not (several or output.endswith("/")):
        return None
    looks, _ = mimetypes.guess_type(path.name, strict=False)
    if path.exists() or (looks or "").startswith(("image/", "video/")):
        raise OutputError(f"-o {output} is a file, and there are several pictures: give a folder")
    try:
        path.mkdir()
    except OSError as error:
        raise OutputError(
            f"-o {output}: the folder cannot be made ({error.strerror}): make it first"
        ) from error
    return path


def _free_name(
    folder: Path, inputs: Sequence[str], maker: str, suffix: str, taken: set[str]
) -> Path:
    """Return CONTENT_STYLE_MAKER.png in `folder`, numbered where it is taken, and take it."""
    stems = ["stdin" if name == STANDARD else Path(name).stem for name in inputs]
    stem = "_".join(stems).encode(errors="ignore")[:LONGEST_STEM].decode(errors="ignore")
    name, number = f"{stem}_{maker}", 2
    while f"{name}{suffix}".casefold() in taken:  # file systems may not tell A from a
        name, number = f"{stem}_{maker}_{number}", number + 1
    taken.add(f"{name}{suffix}".casefold())
    return folder / f"{name}{suffix}"
