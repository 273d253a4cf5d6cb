"""The parts of the leaderboard: who may enter, ties, breakdown, plot, downloads, sections of the page."""
