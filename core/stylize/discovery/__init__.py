"""Finds plugins, isolates them, and holds their parts. Without torch."""
