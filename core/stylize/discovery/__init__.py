"""Finds plugins, keeps them apart, and keeps their parts. Without torch."""
