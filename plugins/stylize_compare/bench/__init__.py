"""`stylize bench`: the standard comparison of a smoothing, a backbone or a loss."""
