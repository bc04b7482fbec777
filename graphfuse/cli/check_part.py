"""The command that checks a part of your own: check-part."""

from __future__ import annotations

from typing import Annotated

import typer

from graphfuse.cli.options import (
    Quiet,
    app,
    speak,
)


@app.command("check-part", epilog="Example: graphfuse check-part my.py:Bilinear")
def check_part(
    part: Annotated[str, typer.Argument(metavar="FILE.PY:CLASS",
    help="Your own encoder, propagator, fusion, head or step.")],
    quiet: Quiet = False,
):  # fmt: skip
    """Run the contract suite on a part or a step of your own."""
    speak(quiet)
    from graphfuse.learn.custom_parts import check_part as checked

    typer.echo("\n".join(checked(part)))
