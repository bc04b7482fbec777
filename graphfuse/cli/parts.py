"""Parts of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from graphfuse.cli.app import (
    Quiet,
    app,
    speak,
)


@app.command("check-part", epilog="Example: graphfuse check-part my.py:Bilinear")
def check_part(
    part: Annotated[str, typer.Argument(metavar="FILE.PY:CLASS",
    help="Your own encoder, propagator, fusion or head.")],
    quiet: Quiet = False,
):  # fmt: skip
    """Run the contract suite on a part of your own."""
    speak(quiet)
    from graphfuse.nn.contract import check_named

    typer.echo("\n".join(check_named(part)))
