"""Checks and measurements that need a GPU: `make gpu`. They run on the CPU too, as a test."""
