"""Descent on a picture, coarse to fine, for any objective: the kit of iterative methods."""
