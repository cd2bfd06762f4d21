"""From a plan to its parts on their device, and the objective that they make."""
