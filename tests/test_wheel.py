"""What is in the wheel: our packages with their YAML and weights, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from places import ROOT

PACKAGES = {"moee", "lightning_modules", "datamodules", "evaluation", "configs"}
METADATA = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Paths in a wheel built from a copy, with what is installed and without the network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in METADATA:
        shutil.copy(ROOT / name, source)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(out))
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if ".dist-info/" not in name]


def shipped(pattern):
    return {
        path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob(pattern)
    }


@pytest.mark.slow
def test_top_level_names_are_ours(names):
    assert {name.split("/")[0] for name in names} == PACKAGES


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern", ["*.py", "*.yaml", "*.safetensors", "*.json", "*.md", "*.css", "*.js", "*.j2"]
)
def test_everything_ships(names, pattern):
    assert shipped(pattern) <= set(names)


@pytest.mark.slow
def test_nothing_else_ships(names):
    assert {Path(name).suffix for name in names} <= {
        ".py",
        ".yaml",
        ".safetensors",
        ".json",
        ".md",
        ".html",
        ".css",
        ".js",
        ".j2",
    }
