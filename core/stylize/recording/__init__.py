"""What took part in a run: whose parts, of which version, code and settings. No torch."""
