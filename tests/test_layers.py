"""Who may import whom; see CONTRIBUTING.md."""

import ast
from pathlib import Path

import pytest
from places import ROOT

OURS = ("moee", "lightning_modules", "datamodules", "evaluation", "configs")
CONTRACT = ("datamodules.batch", "datamodules.action_units", "datamodules.head_motion")
# a face is found and cut in one way, by whoever prepares data and whoever measures
FACES = (
    "datamodules.faces.landmarker",
    "datamodules.faces.crop",
    "datamodules.faces.track",
)
ALLOWED = {
    "datamodules": ("datamodules",),
    "lightning_modules": ("lightning_modules", *CONTRACT),
    "evaluation": ("evaluation", *CONTRACT, *FACES),
    "moee": ("moee", "lightning_modules", "datamodules", "evaluation", "configs"),
    "configs": (),
}
CONTRACT_MAY_IMPORT = CONTRACT


def imports(path: Path) -> set[str]:
    """Everything of ours that a file imports; `from p import n` counts as p.n if p is a package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}:{node.lineno}: relative import"
            module = node.module or ""
            package = (ROOT / Path(*module.split("."))).is_dir()
            found |= {f"{module}.{alias.name}" if package else module for alias in node.names}
    return {name for name in found if name.split(".")[0] in OURS}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in sorted(imports(path))
        if not any(within(name, allowed) for allowed in ALLOWED[package])
    ]
    assert not wrong, "\n".join(wrong)


def test_the_contract_imports_only_itself():
    for name in CONTRACT:
        found = imports(ROOT / Path(*name.split(".")).with_suffix(".py"))
        assert all(any(within(other, allowed) for allowed in CONTRACT_MAY_IMPORT) for other in found), (
            name,
            found,
        )


def test_the_test_sees_a_wrong_import(tmp_path):
    (tmp_path / "x.py").write_text(
        "import moee.cli\nfrom datamodules import batch\nfrom evaluation.metrics import psnr\n"
    )
    assert imports(tmp_path / "x.py") == {"moee.cli", "datamodules.batch", "evaluation.metrics.pictures.psnr"}
