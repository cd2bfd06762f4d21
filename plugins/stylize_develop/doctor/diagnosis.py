"""All checks of the installation and its plugins together."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import stylize
from stylize import framework_version
from stylize_develop.doctor.finding import Finding
from stylize_develop.doctor.installation import check_installation, installed_distributions
from stylize_develop.doctor.supervisor import examine_plugins

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True)
class Diagnosis:
    """The versions examined, and the findings.

    Args:
        versions: of stylize, Python and the packages that matter most; "missing" where absent.
    """

    versions: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> list[Finding]:
        """The findings that are wrong."""
        return [finding for finding in self.findings if finding.level == "problem"]

    @property
    def advice(self) -> list[Finding]:
        """The findings that may be intended."""
        return [finding for finding in self.findings if finding.level == "advice"]


def diagnose(time_limit: float = 20.0) -> Diagnosis:
    """Examine the installation, and load every plugin in a process apart.

    Args:
        time_limit: seconds that each step of a plugin may take: its import, a hook, a factory.
    """
    installed = installed_distributions()
    versions = {each.name: each.version for each in reversed(installed)}
    named = {name: versions.get(name, "missing") for name in ("torch", "torchvision", "pydantic")}
    return Diagnosis(
        {"stylize": framework_version(), "python": platform.python_version(), **named},
        (
            *check_installation(installed, Path(stylize.__file__).parent),
            *examine_plugins(time_limit),
        ),
    )
