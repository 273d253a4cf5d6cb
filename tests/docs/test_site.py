"""What the site is made of: the metric reference, the drawn figure, links that lead somewhere."""

import importlib.util
import re
from types import ModuleType

import pytest
from doc_pages import pages
from places import ROOT

from evaluation.metrics import METRICS
from moee.cli import COMMANDS


def script(name: str) -> ModuleType:
    """A script of `docs`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def metrics() -> ModuleType:
    return script("metric_reference")


def test_every_metric_has_a_source_and_every_entry_a_metric(metrics):
    sources = metrics.read_sources()
    assert {metrics.source_of(name, sources)[0] for name in METRICS} == set(sources)
    for pattern, said in sources.items():
        assert set(said) == {"source", "reference", "test"}, pattern
        assert (ROOT / "tests" / "evaluation" / said["test"]).is_file(), pattern


def test_the_reference_has_every_metric_once(metrics, tmp_path):
    text = metrics.write_reference(tmp_path / "generated").read_text()
    assert sorted(re.findall(r"^### `(\w+)`:", text, re.MULTILINE)) == sorted(METRICS)
    for name, kind in METRICS.items():
        assert metrics.definition(kind), name


def test_a_metric_without_an_entry_is_named(metrics):
    with pytest.raises(KeyError, match="nothing of novel"):
        metrics.source_of("novel", metrics.read_sources())


@pytest.mark.slow
def test_the_figure_is_drawn_from_the_network_that_ships():
    assert script("architecture").draw() == (ROOT / "docs" / "architecture.svg").read_text()


def test_every_experiment_and_command_has_its_place():
    training = (ROOT / "docs" / "training.md").read_text()
    for path in (ROOT / "configs" / "experiment").glob("*.yaml"):
        assert f"`{path.stem}`" in training, path.stem
    text = "".join(page.read_text() for page in pages())
    for command in COMMANDS:
        assert f"moee {command}" in text, command


def test_links_between_pages_lead_somewhere():
    for page in pages():
        for target in re.findall(r"\]\((?!https?:|#|(?:\.\./)?generated/)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
