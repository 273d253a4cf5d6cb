"""What git's hooks run is what continuous integration runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

CONFIG = ".pre-commit-config.yaml"


@pytest.fixture(scope="module")
def hooks() -> list[dict]:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    return [hook for repo in clientlib.load_config(ROOT / CONFIG)["repos"] for hook in repo["hooks"]]


def without(prefix: str) -> dict[str, str]:
    """The environment, less what a make or git around these tests says in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefix)}


def test_what_a_commit_checks_is_part_of_make_check(hooks: list[dict]) -> None:
    listed = subprocess.run(
        ["make", "-n", "check"], cwd=ROOT, env=without("MAKE"), capture_output=True, text=True, check=True
    )
    commands = [line.strip() for line in listed.stdout.splitlines()]
    on_commit = [hook["entry"].replace(" --force-exclude", "") for hook in hooks if hook["id"] != "check"]
    assert len(on_commit) == 3
    for entry in on_commit:
        assert any(command.startswith(entry) for command in commands), entry


def test_what_a_push_checks_is_what_ci_checks(hooks: list[dict]) -> None:
    (entry,) = [hook["entry"] for hook in hooks if hook.get("stages") == ["pre-push"]]
    assert entry in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(("status", "arrives"), [(0, True), (1, False)])
def test_a_push_runs_make_check_and_stops_where_it_fails(status: int, arrives: bool, tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    environment = without("GIT_") | {"PRE_COMMIT_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}

    def told(*command: str) -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=tmp_path / "ours", env=environment, capture_output=True, text=True)

    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / CONFIG).write_text((ROOT / CONFIG).read_text())
    (tmp_path / "ours" / "Makefile").write_text(f"check:\n\ttouch checked\n\texit {status}\n")
    told("git", "init", "--bare", str(tmp_path / "theirs"))
    told("git", "init", "--initial-branch", "main")
    told("git", "add", ".")
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    assert told("git", *author, "commit", "-m", "first").returncode == 0
    assert told(sys.executable, "-m", "pre_commit", "install").returncode == 0
    pushed = told("git", "push", str(tmp_path / "theirs"), "main")
    assert (pushed.returncode == 0) == arrives, pushed.stderr
    assert (tmp_path / "ours" / "checked").exists()
    there = subprocess.run(
        ["git", "-C", str(tmp_path / "theirs"), "branch"], env=environment, capture_output=True
    )
    assert (b"main" in there.stdout) == arrives
