"""Help that the terminal breaks where it is narrow, and nobody else."""

from typer.testing import CliRunner

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


def test_help_says_what_options_of_rankings_do_not_do():
    shown = CliRunner().invoke(app, ["rank", "--help"], env={"COLUMNS": "400"}).output
    for words in (
        "At a rate of 0.1 no list has fewer than 10 items",
        "such as 50, an even number",
        "null_quantile moves in steps of 1/PERMUTATIONS, and 10 or more decide the verdict",
        "at most a quarter of all",
        "takes no number",
        "integrated-gradients, gradient-x-input and occlusion agree",
    ):
        assert words in " ".join(shown.replace("│", " ").split())
