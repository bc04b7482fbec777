"""The pages' templates: in HTML everything escaped, nowhere anything undefined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jinja2

from graphfuse.report import formatting


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
        "number": formatting.number,
        "span": formatting.span,
        "count": formatting.count,
        "signed": formatting.signed,
        "scored": formatting.scored,
        "scored_sign": formatting.scored_sign,
        "scored_span": formatting.scored_span,
    }
    environment.filters |= {
        "breakable": formatting.breakable,
        "verdict": formatting.verdict,
        **filters,
    }
    return environment.get_template(name)
