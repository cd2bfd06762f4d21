"""The promises of every command."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from typer.main import get_command

from stylize.command.app import build_app
from stylize.command.saying import INTERRUPTED, explain, say
from stylize.discovery.host import PluginHost
from stylize.files import sha256_of
from stylize.testing.commandrunner import Outcome
from stylize.testing.contract import Contract
from stylize.testing.hosts import builtin_host, register_plugin

__all__ = ["CommandContract"]

INPUTS = "photo.png", "painting.png"


class CommandContract(Contract):
    """A command: its help is quick, its errors are one line, and it spoils no files or output.

    Attributes:
        plugin: the plugin's module, or the module's name. It is tested with only the built-in
            plugins.
        name: as typed; "models export" for a command of a group.
        arguments: those of a run that works, in a folder with `photo.png` and `painting.png`,
            such as `("photo.png", "-o", "out.png")`. Without them, only the promises that need
            no run are tested.
    """

    plugin: ClassVar[str | ModuleType | None] = None
    name: ClassVar[str] = ""
    arguments: ClassVar[Sequence[str]] = ()

    _hosts: ClassVar[dict[object, PluginHost]] = {}

    @property
    def title(self) -> str:
        """The command, for messages."""
        return f"command {self.name}"

    @property
    def host(self) -> PluginHost:
        """The plugins that the command is tested with."""
        if self.plugin not in self._hosts:
            host = builtin_host()
            if self.plugin is not None:
                register_plugin(host, self.plugin)
            self._hosts[self.plugin] = host
        return self._hosts[self.plugin]

    @property
    def command(self) -> Any:
        """The command, as typer builds it; this imports its module."""
        found: Any = get_command(build_app(self.host))
        for word in self.name.split():
            known = getattr(found, "commands", {})
            self.require(
                word in known,
                f"the plugin adds no such command ({'; '.join(map(str, self.host.failures))})",
                "add it in stylize_commands, and check `name` of the contract",
            )
            with self.calls("loading it"):
                found = known[word]
        return found

    def run(self, *arguments: str) -> Outcome:
        """Run the command in the working folder, and return its outcome."""
        out, err = BytesIO(), BytesIO()
        with (
            contextlib.redirect_stdout(TextIOWrapper(out, "utf-8", write_through=True)),
            contextlib.redirect_stderr(TextIOWrapper(err, "utf-8", write_through=True)),
        ):
            code: Any
            try:
                group: Any = get_command(build_app(self.host))
                words = [*self.name.split(), *arguments]
                code = group.main(words, prog_name="stylize", standalone_mode=False)
            except KeyboardInterrupt:
                code = INTERRUPTED
            except SystemExit as ended:
                code = ended.code
            except Exception as error:
                message, code = explain(error)
                say(f"stylize: {message}")
            # Wrappers close their streams on garbage collection.
            sys.stdout.detach()  # type: ignore[union-attr]
            sys.stderr.detach()  # type: ignore[union-attr]
        return Outcome(
            code if isinstance(code, int) else 0, out.getvalue(), err.getvalue().decode()
        )

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Work in a new folder with a small photo.png and painting.png."""
        from stylize.pictures.writing import write_image
        from stylize.testing.pictures import image_pair

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for image, file in zip(image_pair(), INPUTS, strict=True):
                write_image(image, folder / file)
            with contextlib.chdir(folder):
                yield folder

    def works(self, *more: str) -> Outcome:
        """Run it with `arguments`, and require that it succeeds."""
        if not self.arguments:
            pytest.skip("give the contract `arguments` of a run that works")
        outcome = self.run(*self.arguments, *more)
        self.require(
            outcome.code == 0,
            f"{' '.join(self.arguments)} ends with exit code {outcome.code}: "
            f"{_last(outcome.err) or 'it says nothing'}",
            "make it work, or give `arguments` that do",
        )
        return outcome

    def test_says_what_it_is_for(self) -> None:
        command = self.command
        self.require(
            (command.help or "").strip(),
            "it has no help",
            "write a docstring: its first sentence is the line of `stylize --help`",
        )
        if " " in self.name:
            return
        group: Any = get_command(build_app(self.host))
        listed, said = dict(group.commands.summaries())[self.name], command.get_short_help_str(200)
        self.require(
            listed == said,
            f"`stylize --help` lists {listed!r}, and its own help begins {said!r}",
            "give add_command the first sentence of the command's docstring",
        )

    def test_describes_its_options(self) -> None:
        for param in self.command.params:
            hidden = getattr(param, "hidden", False) or "--help" in param.opts
            self.require(
                hidden or (getattr(param, "help", None) or "").strip(),
                f"{param.opts[0]} has no help",
                "write typer.Option(help=...), or typer.Argument(help=...)",
            )

    def test_an_unknown_option_is_refused_in_one_line(self) -> None:
        with self.folder():
            outcome = self.run("--no-such-option")
        self.require(
            outcome.code == 2 and outcome.err.count("\n") == 1,
            f"--no-such-option ends with exit code {outcome.code}, and says {outcome.err[:80]!r}",
            "leave options to typer, and let its errors pass",
        )

    def test_runs(self) -> None:
        with self.folder():
            self.works()

    def test_json_is_all_there_is_on_standard_output(self) -> None:
        if not self.arguments or "--json" not in _options(self.command):
            pytest.skip("has no --json, or no `arguments` to try it with")
        with self.folder():
            outcome = self.works("--json")
        try:
            records = _parse(outcome.out)
        except ValueError as error:
            self.require(
                False,
                f"with --json standard output is not JSON ({error}): {outcome.out[:60]!r}",
                "print one document, or one per line, and all else by stylize.command.say",
            )
        else:
            self.require(records, "with --json it prints nothing", "print the results of the run")

    def test_leaves_its_inputs_alone(self) -> None:
        with self.folder() as folder:
            before = [sha256_of(folder / name) for name in INPUTS]
            self.works()
            after = [sha256_of(folder / name) for name in INPUTS if (folder / name).is_file()]
        self.require(
            before == after,
            "it changes or removes what it was given",
            "write elsewhere: `check_output`, or a batch, rejects outputs that are inputs",
        )

    def test_keeps_what_it_made_without_force(self) -> None:
        if "--force" not in _options(self.command):
            pytest.skip("has no --force")
        with self.folder() as folder:
            self.works()
            made = [p for p in folder.rglob("*") if p.is_file() and p.name not in INPUTS]
            if not made:
                pytest.skip("makes no file")
            for path in made:
                path.write_bytes(b"mine")
            self.run(*self.arguments)
            lost = [path.name for path in made if path.read_bytes() != b"mine"]
        self.require(
            not lost,
            f"run again without --force it replaces {', '.join(lost)}",
            "write with force=force: write_picture, write_file and a batch then reject",
        )

    def test_a_missing_file_is_told_in_a_line(self) -> None:
        if not set(INPUTS).intersection(self.arguments):
            pytest.skip("takes neither photo.png nor painting.png")
        with self.folder() as folder:
            for name in INPUTS:
                (folder / name).unlink()
            outcome = self.run(*self.arguments)
        told = any(name in outcome.err for name in INPUTS)
        self.require(
            outcome.code in (1, 2) and told and "a fault of ours" not in outcome.err,
            f"if its input is missing it ends with exit code {outcome.code}: "
            f"{_last(outcome.err) or 'it says nothing'}",
            "read files by stylize's functions, or raise a subclass of StylizeError that names it",
        )


def _options(command: Any) -> set[str]:
    return {option for param in command.params for option in param.opts}


def _parse(text: str) -> list[Any]:
    """Return the JSON document that a text is, or those that its lines are."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
