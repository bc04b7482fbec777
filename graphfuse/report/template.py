"""The pages' templates: in HTML everything escaped, nowhere anything undefined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jinja2

from graphfuse.report import words


def template(name: str, **filters: Callable) -> jinja2.Template:
    """The template of this file name beside this module, with the numbers' filters and these."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=name.endswith(".html.jinja"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "span": words.span,
        "count": words.count,
        "signed": words.signed,
        "scored": words.scored,
        "scored_sign": words.scored_sign,
        "scored_span": words.scored_span,
    }
    environment.filters |= {"breakable": words.breakable, "said": words.said, **filters}
    return environment.get_template(name)
