"""Loads plugins in a separate process, because they may do anything.

Before every step it sends its parent a line of JSON, so that the parent knows which step hung or
ended the process. It sends its findings in the same way.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from importlib import import_module
from typing import IO

from entrypoints import EntryPoint
from typer.main import get_group

from stylize import BackboneSpec, PluginFailure, PluginHost, PluginInfo
from stylize.command import add_plugin_commands, build_app
from stylize.contract.spec import FILE_KINDS
from stylize.disabling import DISABLE_VARIABLE, disabled_names
from stylize.discovery.scanning import canonical_name
from stylize_develop.asking import default_plan
from stylize_develop.doctor.finding import Finding, advice, problem
from stylize_develop.doctor.parts import (
    check_collisions,
    check_command,
    check_factory,
    check_settings,
    check_weights,
    registered,
)
from stylize_develop.doctor.remedies import OURS, remedy, report_it, title

__all__ = ["HEAVY", "run"]

# The imports of factories: done first, so that their time is not counted against a plugin.
HEAVY = ("torch", "torchvision")
# Seconds that loading a plugin may take.
SLOW = 1.0


class Channel:
    """Lines to the parent."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def step(self, doing: str, info: PluginInfo | None = None) -> None:
        """Send the next step, and the plugin that takes it."""
        plugin = f"{info.distribution}:{info.entry}" if info else ""
        self._send(step={"plugin": plugin, "title": title(info) if info else "", "doing": doing})

    def tell(self, findings: Iterable[Finding]) -> None:
        """Send findings."""
        for finding in findings:
            self._send(finding=asdict(finding))

    def done(self) -> None:
        """Report that all is examined."""
        self._send(done=True)

    def _send(self, **line: object) -> None:
        print(json.dumps(line), file=self._stream, flush=True)


def run(stuck: Collection[str]) -> None:
    """Examine all plugins and write the findings to standard output.

    Args:
        stuck: plugins, as "distribution:entry", that hung or ended an earlier process: left out.
    """
    channel = Channel(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # whatever plugins print must not get between our lines
    sys.stdout = sys.stderr
    logging.getLogger("stylize").addHandler(logging.NullHandler())  # findings say it
    host = _discover(channel, stuck)
    channel.tell(_check_disabled(host, stuck))
    channel.tell(_check_hooks(channel, host))
    channel.tell(check_collisions(host))
    for info, spec in registered(host):
        channel.step(f"the settings of {spec.kind} {spec.name}", info)
        channel.tell(check_settings(host, info, spec))
    broken = list(_import_heavy(channel))
    channel.tell(broken)
    if not broken:
        channel.tell(_check_making(channel, host))
    channel.done()


def _discover(channel: Channel, stuck: Collection[str]) -> PluginHost:
    """Load all plugins, and report which of them print, are slow or import heavy packages."""
    printed = io.StringIO()
    starts: list[tuple[PluginInfo, int]] = []
    costs: list[tuple[float, str]] = []  # when each began, and what was imported by then

    def note_cost() -> None:
        heavy = [name for name in HEAVY if name in sys.modules]
        costs.append((time.perf_counter(), heavy[0] if heavy else ""))

    def loading(info: PluginInfo) -> None:
        starts.append((info, printed.tell()))
        channel.step("import", info)
        note_cost()

    with contextlib.redirect_stderr(printed):  # where discovery sends standard output, too
        host = PluginHost.discover(
            strict=False, disabled=[*disabled_names(), *stuck], loading=loading
        )
    note_cost()
    for (info, _), before, after in zip(starts, costs, costs[1:], strict=False):
        channel.tell(_costing(info, before, after))
    ends = [*(start for _, start in starts[1:]), printed.tell()]
    for (info, start), end in zip(starts, ends, strict=True):
        if text := " ".join(printed.getvalue()[start:end].split()):
            channel.tell([_printing(info, text)])
    return host


def _costing(
    info: PluginInfo, before: tuple[float, str], after: tuple[float, str]
) -> Iterator[Finding]:
    """Yield each way in which a plugin slows every start of stylize."""
    seconds = after[0] - before[0]
    cost = f"so that every start of stylize takes {seconds:.1f} s longer"
    if after[1] and not before[1]:
        yield problem(title(info), f"imports {after[1]} when it is loaded, {cost}", report_it(info))
    elif seconds > SLOW and info.distribution != OURS:
        yield problem(title(info), f"is slow to load, {cost}", report_it(info))


def _printing(info: PluginInfo, text: str) -> Finding:
    text = text.removeprefix(f"{info.distribution}: ")
    return advice(
        title(info),
        f"prints when it is loaded, so at every start of stylize: {text[:80]!r}",
        f"harmless, as it goes to standard error; {report_it(info)}",
    )


def _check_disabled(host: PluginHost, stuck: Collection[str]) -> Iterator[Finding]:
    """Yield the plugins that STYLIZE_DISABLE_PLUGINS leaves out, and its unknown names."""
    given = disabled_names()
    used: set[str] = set()
    for info in host.plugins:
        matching = [name for name in given if canonical_name(name) in info.names]
        used.update(matching)
        if matching and info.key not in stuck:
            yield advice(
                title(info),
                f"is disabled by {DISABLE_VARIABLE}",
                f"to use it, take {matching[0]} out of that variable",
            )
    for name in given:
        if name not in used:
            yield advice(
                DISABLE_VARIABLE,
                f"lists {name}, which is no plugin that is installed",
                "see stylize plugins list for the names, or take it out",
            )


def _check_hooks(channel: Channel, host: PluginHost) -> Iterator[Finding]:
    """Yield failures while loading, then those of hooks that need no torch."""
    for info in host.plugins:
        if info.failure:
            yield _failed(info, info.failure)
    app = build_app(PluginHost())
    known = set(get_group(app).commands)
    plan = default_plan()
    # As commands are added: ours first, then the last of the others.
    order = sorted(_working(host), key=lambda i: (i.distribution == OURS, i.key), reverse=True)
    for info in order:
        alone = _alone(info)
        channel.step("commands", info)
        add_plugin_commands(alone, app)  # one for all: two plugins may add the same command
        commands = get_group(app).commands
        for name in sorted(commands.keys() - known):
            channel.step(f"command {name}", info)
            yield from check_command(commands, info, name)
        known.update(commands)
        if plan:
            channel.step("check", info)
            alone.check(plan)
            channel.step("observers", info)
            alone.observers(plan)
        for failure in alone.failures:
            yield _failed(info, failure)


def _check_making(channel: Channel, host: PluginHost) -> Iterator[Finding]:
    """Yield failures before parts are made: hooks for weights, imports of factories."""
    weights = [
        (spec.name, each.tag)
        for _, spec in registered(host)
        if isinstance(spec, BackboneSpec)
        for each in spec.weights
    ]
    for info in _working(host):
        alone = _alone(info)
        channel.step("weights", info)
        for backbone, tag in weights:
            alone.weights_source(backbone, tag)
        for failure in alone.failures:
            yield _failed(info, failure)
    for info, spec in registered(host):
        if spec.kind not in FILE_KINDS:
            channel.step(f"the factory of {spec.kind} {spec.name}", info)
            yield from check_factory(host, info, spec)
        if isinstance(spec, BackboneSpec) and info.distribution != OURS:
            channel.step(f"the weights of {spec.kind} {spec.name}", info)
            yield from check_weights(host, info, spec)


def _working(host: PluginHost) -> list[PluginInfo]:
    return [info for info in host.plugins if info.status == "ok"]


def _alone(info: PluginInfo) -> PluginHost:
    """Return a host with one plugin, whose hooks are then called without the others'."""
    host = PluginHost()
    plugin = EntryPoint.from_string(info.value, info.entry).load()
    host.register(plugin, info.distribution, info.entry)
    return host


def _failed(info: PluginInfo, failure: PluginFailure) -> Finding:
    return problem(
        title(info), f"failed at {failure.stage}: {failure.message}", remedy(info, failure)
    )


def _import_heavy(channel: Channel) -> Iterator[Finding]:
    """Import what nearly all factories need."""
    for name in HEAVY:
        channel.step(name)
        try:
            import_module(name)
        except (Exception, SystemExit) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            yield problem(
                name,
                f"cannot be imported: {reason[:300]}",
                f"pip install --upgrade --force-reinstall {' '.join(HEAVY)}, from one source",
            )
            return
