"""The shape of the house: who may import whom, no cycle, no crowded folder, no long file or function."""

import ast
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest
from places import ROOT

OURS = ("moee", "lightning_modules", "datamodules", "evaluation", "configs")
CONTRACT = (
    "datamodules.batch",
    "datamodules.action_units",
    "datamodules.head_motion",
    "datamodules.face_space.mesh",
    "datamodules.compiled",
)
# a face is found and cut in one way, by whoever prepares data and whoever measures
FACES = ("datamodules.faces",)
# what lies in a folder of recordings is told in one way, and what people wrote is read in one
FOLDERS = ("datamodules.media.folders", "datamodules.text")
ALLOWED = {
    "datamodules": ("datamodules",),
    "lightning_modules": ("lightning_modules", *CONTRACT),
    "evaluation": ("evaluation", *CONTRACT, *FACES, *FOLDERS),
    "moee": ("moee", "lightning_modules", "datamodules", "evaluation", "configs"),
    "configs": (),
}
MOST_FILES, MOST_LINES, MOST_FUNCTION_LINES = 14, 400, 60


def imports(path: Path) -> set[str]:
    """Everything of ours that a file imports; `from p import n` counts as p.n if p is a package."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}:{node.lineno}: relative import"
            module = node.module or ""
            package = (ROOT / Path(*module.split("."))).is_dir()
            names |= {f"{module}.{alias.name}" if package else module for alias in node.names}
    return {name for name in names if name.split(".")[0] in OURS}


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of ours; a package goes by its own name."""
    paths = [path for package in OURS for path in (ROOT / package).rglob("*.py")]
    return {dotted(path): path for path in paths}


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph() -> dict[str, set[str]]:
    """Module -> modules it imports, imports inside functions and for type checkers included."""
    return {name: {owner(target) for target in imports(path)} - {name} for name, path in modules().items()}


def owner(name: str) -> str:
    """The module that a name lives in: the name itself, or the package that re-exports it."""
    return name if name in modules() else name.rpartition(".")[0]


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other: strongly connected components (Tarjan 1972) of two and more."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return groups


def folder(name: str) -> str:
    """The folder that a module lies in, such as `evaluation.results`; a top-level file stands for itself."""
    parts = name.split(".")
    in_folder = len(parts) > 2 or (len(parts) == 2 and modules()[name].name == "__init__.py")
    return ".".join(parts[:2]) if in_folder else name


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
        targets = imports(ROOT / Path(*name.split(".")).with_suffix(".py"))
        assert all(any(within(other, allowed) for allowed in CONTRACT) for other in targets), (name, targets)


def test_only_the_command_line_imports_a_command():
    wrong = [
        f"{name} imports {target}"
        for name, targets in import_graph().items()
        for target in sorted(targets)
        if within(target, "moee.commands") and name != "moee.cli"
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_by_way_of_others():
    assert cycles(import_graph()) == []


def test_no_folder_imports_itself_by_way_of_others():
    by_folder: dict[str, set[str]] = {}
    for name, targets in import_graph().items():
        # a package's own table of contents imports everything below it, and counts for nothing here
        if name not in OURS:
            by_folder.setdefault(folder(name), set()).update(
                {folder(target) for target in targets if target not in OURS} - {folder(name)}
            )
    assert cycles(by_folder) == []


def test_no_folder_is_crowded():
    ordered = sorted(path.parent for path in modules().values())
    counts = {place.relative_to(ROOT).as_posix(): len(list(files)) for place, files in groupby(ordered)}
    crowded = {place: n for place, n in counts.items() if n > MOST_FILES and "/metrics" not in place}
    assert not crowded


def test_no_file_and_no_function_is_long():
    places = [*OURS, "tests", "benchmarks"]
    long = []
    for path in sorted(path for place in places for path in (ROOT / place).rglob("*.py")):
        text = path.read_text()
        if (lines := len(text.splitlines())) > MOST_LINES:
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > MOST_FUNCTION_LINES:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {size} lines")
    assert not long, "\n".join(long)


def test_the_test_sees_a_wrong_import(tmp_path):
    (tmp_path / "x.py").write_text(
        "import moee.cli\nfrom datamodules import batch\nfrom evaluation.metrics import psnr\n"
    )
    assert imports(tmp_path / "x.py") == {"moee.cli", "datamodules.batch", "evaluation.metrics.psnr"}


def test_the_test_sees_a_cycle():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert cycles(graph) == [["b", "c"]]
