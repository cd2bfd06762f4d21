"""The one judge of all pictures, and what is measured of features."""
