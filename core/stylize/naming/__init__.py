"""What names mean: of parts that several distributions have, and in options of a run. No torch."""
