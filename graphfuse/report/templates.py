"""The pages' templates: in HTML everything escaped, nowhere anything undefined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jinja2

from graphfuse.evaluate.score_lines import detectable
from graphfuse.report import formatting

_FILTERS = (
    formatting.number,
    formatting.span,
    formatting.count,
    formatting.signed,
    formatting.scored,
    formatting.scored_sign,
    formatting.scored_span,
    formatting.breakable,
    formatting.verdict,
    detectable,
)


def template(name: str, **filters: Callable) -> jinja2.Template:
    """The template of this file name beside this module, with the filters of `formatting` and
    these."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader,
        autoescape=name.endswith(".html.jinja"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for each in _FILTERS:
        environment.filters[each.__name__] = each
    environment.filters |= filters
    return environment.get_template(name)
