"""Trained models: where they are, and what a run takes over from one. Without torch."""
