"""Trained models: where they are, and what a run takes from one. Without torch."""
