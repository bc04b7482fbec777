"""Help that the terminal breaks where it is narrow, and nobody else."""

from graphfuse.cli import app
from graphfuse.cli.options import unwrapped


def test_paragraphs_are_lines():
    assert (
        unwrapped("One\n    thought.\n\n    Another\n    one.\n    ")
        == "One thought.\n\nAnother one."
    )


def test_no_command_has_breaks_within_a_paragraph():
    helps = [command.help for command in app.registered_commands]
    assert len(helps) > 10 and all("\n" not in text.replace("\n\n", "") for text in helps)
