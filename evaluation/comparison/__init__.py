"""Several results against each other: who wins, who is tied, what a table may hold, what a metric can see.

Start at `compare.py` for two systems on the same clips, at `tables.py` for which results share a table.
"""
