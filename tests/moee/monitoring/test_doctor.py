"""What doctor finds, and that it says how to mend it."""

import subprocess
import sys

import pytest

from moee import cli
from moee.monitoring import doctor
from moee.weights import registry


@pytest.fixture
def versions(monkeypatch):
    """Sets the installed versions that doctor sees."""
    found = {name: "99.0" for name in doctor.NEEDED}
    monkeypatch.setattr(doctor, "package_version", found.get)
    return found


def findings(check, *arguments):
    return [(finding.state, str(finding)) for finding in check(*arguments)]


def test_quick_imports_nothing_heavy():
    code = (
        "import sys\nfrom moee.cli import main\nmain(['doctor', '--quick'])\n"
        "print('heavy:', [n for n in ('torch', 'lightning', 'av', 'numpy') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.endswith("heavy: []\n")
    assert "Python" in out


def test_all_is_well(versions):
    assert [state for state, _ in findings(doctor.check_packages)] == ["ok"]
    assert [state for state, _ in findings(doctor.check_conflicts)] == ["ok"]


def test_missing_and_old_packages_fail_with_the_command(versions):
    versions.pop("av")
    versions["torch"] = "2.9.1+cpu"
    (missing, old) = findings(doctor.check_packages)
    assert missing[0] == old[0] == "FAIL"
    assert "pip install av" in missing[1]
    assert "CVE-2026-24747" in old[1]
    assert "pip install 'torch>=2.10'" in old[1]


def test_packages_that_break_others_fail(versions):
    versions["torchaudio"] = "2.11.0"
    versions["opencv-python"], versions["opencv-python-headless"] = "5.0.0.93", "4.12.0.88"
    lines = [text for state, text in findings(doctor.check_conflicts) if state == "FAIL"]
    assert "pip uninstall torchaudio" in lines[0]
    assert "opencv-python==5.0.0.93" in lines[1]
    del versions["torchaudio"]
    versions["opencv-python-headless"] = "5.0.0.93"
    assert [state for state, _ in findings(doctor.check_conflicts)] == ["ok"]


def test_weights_that_are_missing_or_wrong(monkeypatch, tmp_path):
    monkeypatch.setenv("MOEE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    network = registry.registered("face_landmarker")
    monkeypatch.setattr(registry, "networks", lambda: (network,))
    ((state, text),) = findings(doctor.check_weights)
    assert state == "warn"
    assert "moee weights fetch face_landmarker" in text
    (tmp_path / network.file).write_bytes(b"else")
    assert findings(doctor.check_weights)[0][0] == "FAIL"


def test_disk_room_and_permission(monkeypatch, tmp_path):
    assert all(state in ("ok", "warn") for state, _ in findings(doctor.check_disk, tmp_path / "not" / "yet"))

    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    state, text = findings(doctor.check_disk, tmp_path)[0]
    assert state == "FAIL"
    assert "cannot be written: Permission denied" in text


def test_a_failure_is_the_exit_status(monkeypatch, versions):
    monkeypatch.setattr(doctor, "check_weights", lambda: iter([doctor.ok("all here")]))
    assert cli.main(["doctor", "--quick"]) == 0
    versions.pop("av")
    assert cli.main(["doctor", "--quick"]) == 1


@pytest.mark.slow
def test_torch_and_codecs_work_here():
    assert {state for state, _ in findings(doctor.check_torch)} == {"ok"}
    assert [state for state, _ in findings(doctor.check_codecs)] == ["ok"] * 4
