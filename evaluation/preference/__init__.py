"""Blind studies: a page that asks which of two videos is preferred, and a ranking from the answers.

Start at `study.py`; `ranking.py` holds the Bradley-Terry model.
"""
