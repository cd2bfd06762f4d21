"""The faults of an installation and its plugins, with a remedy for each.

Plugins are loaded in a process of their own with a time limit, as they may hang or end it.
"""

from stylize_develop.doctor.diagnosis import Diagnosis, diagnose
from stylize_develop.doctor.finding import Finding, Level

__all__ = ["Diagnosis", "Finding", "Level", "diagnose"]
