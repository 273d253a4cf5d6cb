"""How the documentation is built: `make docs`. Needs no network; a warning is an error."""

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

project = "MoEE Suite"
author = "MoEE Suite contributors"
copyright = "MoEE Suite contributors, Apache-2.0"  # the name that Sphinx reads
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["build"]
nitpicky = True
# Names of other projects: their inventories would come over a network.
# Nor are inner types of ours on a page; public names have two parts.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!moee|lightning_modules|datamodules|evaluation).*"),
    (r"py:.*", r"\w+\.\w+\..*"),
]

html_theme = "furo"
html_title = "MoEE Suite"
html_static_path = ["static"]
html_css_files = ["suite.css"]
html_show_sphinx = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {"navigation_with_keys": True}

myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "attrs_block"]
myst_heading_anchors = 3
suppress_warnings = ["myst.strikethrough"]

default_role = "code"  # docstrings write names in single backticks
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_use_rtype = False
napoleon_custom_sections = [
    ("Class attributes", "Attributes"),
    ("Class attributes a subclass declares", "Attributes"),
]
add_module_names = False


def write_tables(app: Sphinx) -> None:
    """Pages that are made from the code, before anything is read."""
    from metric_reference import write_reference

    write_reference(Path(app.srcdir) / "generated")


def escape_prose(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain sentences: only backticks mean something in them."""
    for number, line in enumerate(lines):
        prose, code = (re.split(r"`+([^`]*)`+", line)[start::2] for start in (0, 1))
        prose = [re.sub(r"([*|]|(?<=\w)_(?!\w))", r"\\\1", piece) for piece in prose]
        prose[1:] = [rf"\ {piece}" if re.match(r"\w", piece) else piece for piece in prose[1:]]
        lines[number] = prose[0] + "".join(
            f"``{name}``{rest}" for name, rest in zip(code, prose[1:], strict=True)
        )


def inline_math(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula as MathML, which browsers draw without a script."""
    translator.body.append(tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def block_math(translator: HTML5Translator, node: nodes.math_block) -> None:
    """The same on lines of its own."""
    translator.body.append(f'<div class="equation">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """What this site adds to Sphinx."""
    app.connect("builder-inited", write_tables)
    app.connect("autodoc-process-docstring", escape_prose, priority=400)  # before napoleon reads sections
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))
