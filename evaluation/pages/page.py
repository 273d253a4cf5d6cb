"""How our pages look: one document without any network, light and dark, readable on a phone."""

import base64
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

HOME = "evaluation.pages"  # whose templates every page may use


def asset(name: str) -> str:
    """Text of a style or script that ships with the package."""
    return files(HOME).joinpath("assets", name).read_text(encoding="utf-8")


def render(template: str, values: Mapping[str, object], package: str = HOME) -> Markup:
    """A template filled in; every value is escaped that is not `Markup` itself.

    Args:
        template: name of a file in `templates/` of the package or of `evaluation.pages`.
        values: by the names that the template uses, all of them.
        package: whose template it is.
    """
    return Markup(_environment(package).get_template(template).render(values))


@cache
def _environment(package: str) -> Environment:
    loaders = [PackageLoader(name) for name in dict.fromkeys((package, HOME))]
    return Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(title: str, intro: str, body: Markup, script: str = "board.js", style: str = "") -> str:
    """A whole HTML document.

    No other script than its own runs in it and nothing is loaded but pictures and videos beside it, even if
    a text were to slip through unescaped.

    Args:
        title: of the page.
        intro: a paragraph below it; empty for none.
        body: HTML, as `render` gives it.
        script: name of the script in `evaluation/pages/assets`.
        style: name of a style there that comes on top of the common one.
    """
    code = f"\n{asset(script)}"
    mark = base64.b64encode(sha256(code.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{mark}'; style-src 'unsafe-inline'; "
        "img-src 'self' file: data:; media-src 'self' file: data:; base-uri 'none'; form-action 'none'"
    )
    look = asset("page.css") + (asset(style) if style else "")
    values = {"title": title, "intro": intro, "body": body, "policy": Markup(policy)}
    return render("page.html.j2", values | {"style": Markup(look), "script": Markup(code)}) + "\n"
