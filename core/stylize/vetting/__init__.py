"""Checks on first use that plugins' parts return the promised kinds, shapes and values.

Parts of stylize itself are not wrapped: its tests hold them to the same promises. Whether values
are finite is computed on their device and read once per run, so that the run waits for a GPU once.
"""
