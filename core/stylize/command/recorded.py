"""What a rerun is asked, what records tell it, and where the files that they name are now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from stylize.command.report import Report
from stylize.command.saying import warn
from stylize.errors import UsageError
from stylize.files import sha256_of
from stylize.modelfile import PartRecord
from stylize.models.finding import SUFFIX

__all__ = ["InputRecord", "RerunRequest", "RunRecord", "find_files", "find_inputs"]


@dataclass(frozen=True)
class RerunRequest:
    """What `stylize rerun` was asked.

    Args:
        path: the file that a run made.
        output: where to, None for NAME_rerun beside it.
        changed: go on even if an input has changed.
        device: another than the one recorded.
        content, styles: where the inputs are now, if given.
        inputs: a folder to look for them in.
        force: replace an output that exists.
        as_json, quiet, debug: of the report.
        begun: `time.monotonic()` at the program's start.
    """

    path: Path
    output: str | None
    changed: bool
    device: str | None
    force: bool
    as_json: bool
    quiet: bool
    debug: bool
    content: Path | None = None
    styles: tuple[Path, ...] = ()
    inputs: Path | None = None
    begun: float | None = None

    @property
    def target(self) -> str:
        """Where the new file goes."""
        return self.output or str(self.path.with_stem(f"{self.path.stem}_rerun"))

    def report(self, noun: str = "pictures") -> Report:
        """Return the report of the one thing that is made."""
        return Report(1, as_json=self.as_json, quiet=self.quiet, debug=self.debug, noun=noun)


class InputRecord(BaseModel):
    """An input, as a record describes it; its path, or file name, is empty if it was no file."""

    name: str
    path: str
    sha256: str


class RunRecord(BaseModel):
    """The part of a file's record that a rerun needs."""

    stylize: str
    torch: str
    device: str
    weights: str
    settings: dict[str, Any]
    replay: dict[str, dict[str, Any]]
    content: InputRecord | None
    styles: list[InputRecord]
    stopped: str = "done"
    parts: dict[str, PartRecord] = {}  # earlier releases recorded none


def find_files(settings: Mapping[str, Any], request: RerunRequest) -> dict[str, str]:
    """Return settings that name files (model, weights) with where those are now.

    Raises: UsageError where one is missing.
    """
    found: dict[str, str] = {}
    for setting in ("model", "weights"):
        name = settings.get(setting)
        if not name or (setting == "model" and not Path(name).suffix):  # the name of a model
            continue
        there = next((place for place in _places(Path(name), request) if place.is_file()), None)
        # Names of models may have a dot too.
        if there is None and (setting == "weights" or name.endswith(SUFFIX)):
            raise UsageError(
                f"{request.path}: its {setting} file {name} is missing: put it beside the picture, "
                f"or name its folder with --inputs"
            )
        found[setting] = str(there or name)
    return found


def _places(path: Path, request: RerunRequest) -> list[Path]:
    """Return where a file that a record names may be."""
    told = [request.inputs / path.name] if request.inputs else []
    beside = request.path.absolute().parent
    # A relative path was one from a folder that most often holds the picture somewhere below.
    above = [folder / path for folder in (beside, *beside.parents)]
    return [*told, path, *above, beside / path.name]


def find_inputs(
    record: RunRecord, request: RerunRequest, hash_of: Callable[[Path], str] = sha256_of
) -> tuple[str | None, tuple[str, ...]]:
    """Return the paths of the content and of the styles that a file was made from.

    Args:
        hash_of: returns the hash of a content, as records have it.

    Raises: UsageError where one is missing, or is another file by now.
    """
    styles: list[Path | None] = [*request.styles] or [None] * len(record.styles)
    if len(styles) != len(record.styles):
        raise UsageError(
            f"--style is given {len(styles)} times, and {request.path} was made from "
            f"{len(record.styles)}: give each of {', '.join(s.name for s in record.styles)}"
        )
    content = None
    if record.content:
        content = _find_input(record.content, request, request.content, hash_of)
    found = zip(record.styles, styles, strict=True)
    return content, tuple(_find_input(style, request, given, sha256_of) for style, given in found)


def _find_input(
    given: InputRecord,
    request: RerunRequest,
    told: Path | None,
    hash_of: Callable[[Path], str],
) -> str:
    picture = request.path
    if told is None and not given.path:
        raise UsageError(
            f"{picture}: its input {given.name} was no file, so it cannot be read again: "
            f"name a file of it with --content or --style"
        )
    own = resources.files("stylize") / "demo" / Path(given.path).name
    places = [told] if told else [*_places(Path(given.path), request), Path(str(own))]
    found = [place for place in places if place.exists()]
    for place in found:
        if hash_of(place) == given.sha256:
            return str(place)
    if not found:
        raise UsageError(
            f"{picture}: its input {told or given.name} is missing: put it beside the picture, or "
            f"name it with --content or --style, or its folder with --inputs"
        )
    if not request.changed:
        raise UsageError(
            f"{picture}: its input {found[0]} has changed since: name the old file, or use "
            f"--changed to go on with this one"
        )
    warn(f"input {found[0]} has changed since {picture.name} was made")
    return str(found[0])
