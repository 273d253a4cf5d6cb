"""Results to a static page and its downloads, with the numbers that papers printed beside them.

Start at `site.py`: `build_leaderboard` admits results, groups them and fills the page, section by section.
"""
