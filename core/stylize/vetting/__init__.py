"""What plugins' parts give, looked at when it first comes: of the kind, shape and values promised.

Parts of stylize itself are left as they are: its tests hold them to the same. What is finite is
found out where the values are, and asked for once a run, so that a GPU is waited for once.
"""
