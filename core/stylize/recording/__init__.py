"""The parts of a run as recorded: distribution, version, code and settings. No torch."""
