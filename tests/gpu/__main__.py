"""Run all checks and measurements that need a GPU: `make gpu`.

    python -m gpu [--extent full|quick|tiny] [--device cuda|cpu] [-o FOLDER] [--seconds N]
        [--only WORD]

Sections come in order of importance, each with a share of the time: 290 s for full, 85 s for
quick. Tasks that do not fit are reported as "not run". Writes gpu.json and gpu.md after each
section. Exits 0 if all claims hold, 1 if one does not, 3 if there is no such device.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from gpu import agreement, choices, learning, times, traffic
from gpu.kit import EXTENTS, Kit, share_networks
from gpu.matrix import matrix
from gpu.report import describe_machine, write_report
from gpu.tasks import Row, Section, run_sections
from stylize import PluginHost
from stylize.building.device import choose_device
from stylize.errors import StylizeError

__all__ = ["main", "sections"]

UNAVAILABLE = 3


def sections(kit: Kit, cpu: Kit) -> list[Section]:
    """Return all sections, the most important first."""
    return [
        matrix(kit),
        agreement.equality(kit, cpu),
        agreement.determinism(kit),
        traffic.traffic(kit),
        traffic.memory(kit),
        learning.training(kit),
        learning.clips(kit, cpu),
        times.times(kit),
        choices.choices(kit),
    ]


def main() -> int:
    """Run all sections and return the exit code."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(prog="make gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--extent", choices=EXTENTS, default="full")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, help="for all sections, instead of the extent's")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="sections whose names contain it"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("build/gpu"), metavar="FOLDER")
    options = parser.parse_args()
    try:
        device = choose_device(options.device)
    except StylizeError as error:
        print(f"make gpu: {error}", file=sys.stderr)
        return UNAVAILABLE
    share_networks()
    extent = EXTENTS[options.extent]
    machine = describe_machine(device)
    rows: list[Row] = []

    def save() -> None:
        write_report(options.output, machine, options.extent, time.monotonic() - started, rows)

    with tempfile.TemporaryDirectory() as folder:
        host = PluginHost.discover()
        kit, cpu = (Kit(host, each, extent, Path(folder)) for each in (device, torch.device("cpu")))
        chosen = [s for s in sections(kit, cpu) if options.only.lower() in s.name.lower()]
        for row in run_sections(chosen, started + (options.seconds or extent.seconds)):
            rows.append(row)
            _tell(row, save)
    save()
    failed = sum(row.failed for row in rows)
    print(f"{options.output / 'gpu.md'}: {len(rows)} tasks, {failed} failed", flush=True)
    return 1 if failed else 0


def _tell(row: Row, save: Callable[[], None]) -> None:
    print(f"{row.status:8} {row.seconds:6.1f} s  {row.section}: {row.task}", flush=True)
    for claim, holds in row.outcome.claims.items():
        if not holds:
            print(f"         FAILS: {claim}", flush=True)
    save()


if __name__ == "__main__":
    sys.exit(main())
