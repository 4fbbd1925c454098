"""How a database of an earlier version becomes one of this: Alembic's steps in `versions/`, from the first on.

A new step is written by hand beside the others: `revision` is the next number, `down_revision` the last one. A test compares what all of
them make with `tables.py`. There is no way back but a backup.
"""
