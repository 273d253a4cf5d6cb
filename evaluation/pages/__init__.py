"""How our HTML pages look: one document, its templates and styles, charts as SVG, videos beside it.

Start at `page.py`; the HTML itself stands in `templates/`.
"""
