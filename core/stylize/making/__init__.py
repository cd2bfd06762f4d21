"""The Python API: from files to finished pictures."""
