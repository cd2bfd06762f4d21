"""What plugins declare and implement, and the state of a run: data and protocols, no torch."""
