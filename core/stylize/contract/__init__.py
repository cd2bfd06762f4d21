"""What plugins declare and implement, and what a run is: data and protocols, without torch."""
