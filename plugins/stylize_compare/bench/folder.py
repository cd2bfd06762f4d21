"""The folder of a bench, with its inputs; a folder of a different bench is rejected."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from stylize.command import write_file
from stylize.errors import OutputError, UsageError
from stylize_compare.bench.planning import CELLS, INPUTS, Bench
from stylize_compare.bench.protocol import MARGIN, WINDOWS, Extent

__all__ = ["BenchFolder", "encode"]

PICTURES = "stylize_compare.bench", "pictures"


class BenchFolder:
    """The folder in which a bench keeps its pictures and writes its results.

    Args:
        path: made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.json = path / "bench.json"
        self.page = path / "bench.html"
        self.table = path / "bench.md"
        self.sheet = path / "sheet.jpg"

    def open(self, bench: Bench, *, force: bool, check: Callable[[], None]) -> Mapping[str, Any]:
        """Make the folder ready and return what an earlier run found, empty for none.

        Args:
            force: delete what an earlier bench left.
            check: is called before anything is written into a new folder, and may raise.

        Raises: UsageError if the folder belongs to another bench, or to something else;
            OutputError if it cannot be written.
        """
        before = {} if force and self.json.exists() else self._read_before()
        if before:
            self._check(before["protocol"], bench.protocol)
        else:
            check()
        try:
            if force:
                shutil.rmtree(self.path / CELLS, ignore_errors=True)
            for name in (CELLS, INPUTS):
                (self.path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be written ({error.strerror}): choose another -o"
            ) from error
        self._write_inputs(bench.extent)
        if not before:  # even an interrupted bench records its protocol
            write_file(self.json, encode({"protocol": bench.protocol}))
        return before

    def _read_before(self) -> Mapping[str, Any]:
        """Return the results of an earlier run. Raises: UsageError for a folder of other things."""
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file: name a folder with -o")
        if not self.json.exists():
            if self.path.exists() and any(self.path.iterdir()):
                raise UsageError(
                    f"{self.path}: holds other files and no bench: name another folder with -o"
                )
            return {}
        try:
            before: Mapping[str, Any] = json.loads(self.json.read_text(encoding="utf-8"))
            before["protocol"]["bench"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self.json}: is damaged, or belongs to no bench: name another folder with -o, or "
                f"start over with --force"
            ) from error
        return before

    def _check(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        if before["bench"] != now["bench"]:
            raise UsageError(
                f"{self.path} is of version {before['bench']} of the bench, and this is version "
                f"{now['bench']}, whose numbers are not comparable: name another folder with -o, "
                f"or start over with --force"
            )
        differences = [
            f"{key} was {json.dumps(before.get(key))} and is {json.dumps(now.get(key))} now"
            for key in {**before, **now}
            if before.get(key) != now.get(key)
        ]
        if differences:
            raise UsageError(
                f"{self.path} is of a bench with other settings ({'; '.join(differences)}): name "
                f"another folder with -o, or start over with --force"
            )

    def _write_inputs(self, extent: Extent) -> None:
        """Cut the windows of all seeds out of the pictures, unless they exist."""
        package, pictures = PICTURES
        names = dict.fromkeys(name for pair in extent.pairs for name in (pair.content, pair.style))
        for name in names:
            source = resources.files(package) / pictures / f"{name}.jpg"
            with source.open("rb") as file, Image.open(file) as image:
                for seed in extent.seeds:
                    path = self.path / INPUTS / f"{name}_{seed}.png"
                    if not path.exists():
                        write_file(path, _window(image, WINDOWS[seed]))


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a document as the bytes of a JSON file."""
    return f"{json.dumps(document, indent=1)}\n".encode()


def _window(image: Image.Image, corner: tuple[int, int]) -> bytes:
    left, top = corner
    data = BytesIO()
    box = left, top, left + image.width - MARGIN, top + image.height - MARGIN
    image.crop(box).save(data, "PNG")
    return data.getvalue()
