"""The command line: light to start, one line for what is wrong, exit codes."""

import importlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moee import cli

HEAVY = ("torch", "lightning", "numpy", "av", "mediapipe", "transformers", "diffusers", "optuna", "omegaconf")


def in_new_process(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_no_subcommands_arguments_import_anything_heavy():
    out = in_new_process(
        "import sys\nfrom moee.cli import COMMANDS, build_parser\n"
        "for name in COMMANDS: build_parser(name)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert out.strip() == "[]"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_subcommand_keeps_the_bargain(command, capsys):
    module = importlib.import_module(cli.COMMANDS[command])
    assert module.DESCRIPTION.strip()
    assert f"moee {command}" in module.EXAMPLES
    assert callable(module.run)
    with pytest.raises(SystemExit) as caught:
        cli.main([command, "--help"])
    assert caught.value.code == 0
    assert "examples:" in capsys.readouterr().out


def test_help_shows_the_groups_and_answers_in_a_second():
    code = "import sys\nfrom moee.cli import main\nmain(['--help'])"
    start = time.process_time()
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True)
    assert time.process_time() - start < 1
    places = [done.stdout.index(f"\n{heading}:\n") for heading in cli.HEADINGS.values()]
    assert places == sorted(places)
    for name, summary in (pair for commands in cli.GROUPS.values() for pair in commands.items()):
        assert f"  {name:11}  {summary}\n" in done.stdout
    assert not [name for name in (*HEAVY, "pydantic", "rich") if f"| {name}\n" in done.stderr]


def test_a_group_is_a_folder_of_commands():
    folder = Path(cli.__file__).parent / "commands"
    files = {path.relative_to(folder).as_posix() for path in folder.glob("*/*.py")} - {
        f"{group}/__init__.py" for group in cli.GROUPS
    }
    assert files == {f"{group}/{name}.py" for group, names in cli.GROUPS.items() for name in names}


def test_bare_call_shows_help(capsys):
    assert cli.main([]) == 2
    out = capsys.readouterr().out
    assert "train" in out
    assert "--version" in out


def test_unknown_commands_suggest_the_nearest(capsys):
    assert cli.main(["trian"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'train'" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (ValueError("two\nlines"), "moee: two lines\n", 1),
        (FileNotFoundError("no portrait x.png"), "moee: no portrait x.png\n", 1),
        (OSError(28, "No space left on device", "runs/x"), "moee: runs/x: No space left on device\n", 1),
        (OSError(30, "Read-only file system"), "moee: Read-only file system\n", 1),
        (KeyboardInterrupt(), "moee: interrupted\n", 130),
    ],
)
def test_expected_errors_become_one_line(monkeypatch, capsys, error, line, code):
    def fail(args):
        raise error

    monkeypatch.setattr("moee.commands.machine.weights.run", fail)
    assert cli.main(["weights", "list"]) == code
    assert capsys.readouterr().err == line


def test_debug_and_faults_of_ours_show_the_traceback(monkeypatch):
    def fail(args):
        raise error

    monkeypatch.setattr("moee.commands.machine.weights.run", fail)
    error = ValueError("bad input")
    for arguments in (["--debug", "weights", "list"], ["weights", "list", "--debug"]):
        with pytest.raises(ValueError, match="bad input"):
            cli.main(arguments)
    error = AttributeError("a fault of ours")
    with pytest.raises(AttributeError):
        cli.main(["weights", "list"])


def test_a_wrong_key_costs_no_run(toy_experiment, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", str(toy_experiment), "trainer.max_step=3"]) == 1
    assert "did you mean 'max_steps'" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_printing_a_configuration_trains_nothing(toy_experiment, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", str(toy_experiment), "vars.steps=3", "--print-config"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# runs/toy-")
    assert "max_steps: 3" in out
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_train_resume_and_export_from_the_command_line(toy_experiment, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", str(toy_experiment)]) == 0
    assert cli.main(["train", str(toy_experiment)]) == 1
    assert "--resume" in capsys.readouterr().err
    assert cli.main(["train", str(toy_experiment), "--resume"]) == 0
    assert "step=00000010.ckpt" in capsys.readouterr().out
    (directory,) = (tmp_path / "runs").iterdir()
    assert cli.main(["export", str(directory)]) == 0
    assert cli.main(["train", str(toy_experiment), "initial_weights.head=head"]) == 0
    assert cli.main(["export", str(tmp_path)]) == 1
    assert "not a run directory" in capsys.readouterr().err


def test_a_read_only_root_is_one_line(toy_experiment, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["train", str(toy_experiment), "--root", str(tmp_path / "file")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("moee: ")
    assert "file" in error


def test_results_are_collected_from_files_and_folders(tmp_path):
    from moee.judging.leaderboard import result_files

    for name in ("b.json", "a.json", "notes.txt"):
        (tmp_path / name).write_text("{}")
    assert result_files([tmp_path]) == [tmp_path / "a.json", tmp_path / "b.json"]
    with pytest.raises(FileNotFoundError, match="no result files"):
        result_files([tmp_path / "none.json"])


def test_what_is_known_of_clips_is_checked(tmp_path):
    from moee.clips.about import read_about

    path = tmp_path / "about.json"
    path.write_text('{"a": {"identity": "p", "emotion": "happy:0.5"}, "b": {}}')
    about = read_about(path)
    assert about["a"]["blend"][0] == 0.5
    assert (about["a"]["identity"], about["b"]) == ("p", {})
    for text, what in {
        "{": "not JSON",
        "[1]": "expected",
        '{"a": {"person": "p"}}': "known are identity, emotion",
        '{"a": {"emotion": "hapy"}}': "a: unknown emotion 'hapy': did you mean 'happy'",
    }.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=what):
            read_about(path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["train"], "moee train: the following arguments are required: experiment"),
        (["train", "judge", "--resum"], "moee train: no argument '--resum': did you mean --resume?"),
        (["prepare", "folder", "a", "b", "--size", "x"], "moee prepare: argument --size: invalid int"),
        (["prepare", "foldr", "a", "b"], "moee prepare: argument corpus: invalid choice: 'foldr'"),
        (["--no-such"], "moee: no argument '--no-such'"),
    ],
)
def test_bad_arguments_are_one_line(given, said, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(given)
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert error.startswith(said)
    assert error.count("\n") == 1


def test_help_flows_with_the_terminal_and_keeps_examples(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        cli.main(["animate", "--help"])
    lines = capsys.readouterr().out.splitlines()
    prose = [line for line in lines if line and not line.startswith(" ")]
    assert max(map(len, prose)) < 60
    assert any(line.startswith("  moee animate --portrait") and line.endswith(".mp4") for line in lines)
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "leaderboard results to a page" in " ".join(capsys.readouterr().out.split("  "))


@pytest.mark.weights
def test_an_evaluation_that_could_score_nothing_fails(tmp_path, capsys):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.mp4").write_text("no video")
    folder = str(tmp_path / "made")
    given = ["evaluate", "--generated", folder, "--reference", folder, "--out"]
    assert cli.main([*given, str(tmp_path / "r.json")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("moee: no clip could be scored; a: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("made.json", "is a folder"),
        ("made.json/a.mp4/r.json", "cannot be written"),
        ("made.json/r", "name a .json file"),
    ],
)
def test_a_result_that_could_not_be_written_is_refused_before_the_work(tmp_path, capsys, out, said):
    (tmp_path / "made.json").mkdir()
    (tmp_path / "made.json" / "a.mp4").write_text("no video")
    given = ["evaluate", "--generated", "none", "--reference", "none", "--out", str(tmp_path / out)]
    assert cli.main(given) == 1
    assert said in capsys.readouterr().err


def test_overrides_may_stand_after_options(monkeypatch):
    from moee.commands.training import train

    seen = []
    monkeypatch.setattr(train, "run", lambda args: seen.append(args.overrides) or 0)
    assert cli.main(["train", "judge", "a=1", "--root", "x", "b=2", "c=3"]) == 0
    assert seen == [["a=1", "b=2", "c=3"]]
    with pytest.raises(SystemExit):
        cli.main(["train", "judge", "--root", "x", "b=2", "--no-such-option"])
