"""Descent on a picture, coarse to fine, for any function of it: the kit of iterative methods."""
