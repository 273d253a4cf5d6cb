"""The record of one evaluation: rows, what follows from them, its files, and checks of all of it.

Start at `result.py`; `schema.py` states what its JSON holds.
"""
