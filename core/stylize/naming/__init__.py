"""The meaning of names: of parts in several distributions, and in a run's options. No torch."""
