"""The sections on held-out predictions: those that a kind of outcome names, with what they need."""

from pathlib import Path

import pytest

from graphfuse.errors import GraphfuseError
from graphfuse.report import section, sections
from graphfuse.report.run_files import read_run
from graphfuse.task.registry import kind_of, trained_kinds


@pytest.mark.parametrize("name", sections.available())
def test_a_section_is_a_module_and_a_template(name):
    module = section._module(name)
    assert isinstance(module.SHOWS, str) and isinstance(module.BESIDE, bool)
    assert callable(module.content)
    assert (Path(sections.__file__).parent / f"{name}.html.jinja").is_file()


@pytest.mark.parametrize("kind", trained_kinds())
def test_the_sections_that_a_kind_of_outcome_names_are_there(kind):
    named = kind_of(kind).sections
    assert named and set(named) <= set(sections.available())


def test_narrow_figures_stand_side_by_side_and_others_alone(run):
    rows = section.made(read_run(run))
    names = [[each.template.split("/")[1].split(".")[0] for each in row] for row in rows]
    assert names == [["confusion", "reliability"], ["decisions"]]


def test_a_section_without_anything_to_show_is_left_out(make_run, tmp_path):
    rows = section.made(read_run(make_run(tmp_path, ["AD", "control"], 30, 1)))
    assert len(rows) == 1  # too few patients to act on


def test_a_section_that_there_is_not_is_named(run, monkeypatch):
    found = read_run(run)
    monkeypatch.setattr(kind_of("class"), "sections", ("confusions",))
    with pytest.raises(GraphfuseError, match="no section 'confusions'.*confusion"):
        section.made(found)
