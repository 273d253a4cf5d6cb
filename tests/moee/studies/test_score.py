"""The acceptance table: a generator that cheats gets the ceiling, one that does nothing does not."""

import json
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from evaluation.extractors.embedded.identity import IdentityJudge
from evaluation.extractors.embedded.judge import Judge
from moee.studies import score
from moee.studies.control_tests import ControlTests

SIZE = 64


class Still:
    """Shows the portrait, whatever it is told."""

    emotion_strength = 1.0
    size, chunk = SIZE, 4

    def animate(self, reference_3HW: Tensor, sound: Tensor, *_: object, **__: object) -> Iterator[Tensor]:
        yield reference_3HW.expand(len(sound) // 640, -1, -1, -1)


class Cheat(Still):
    """Shows the true frames of every portrait it was given."""

    def __init__(self) -> None:
        self.known: dict[bytes, Tensor] = {}

    def animate(self, reference_3HW: Tensor, sound: Tensor, *_: object, **__: object) -> Iterator[Tensor]:
        frames = len(sound) // 640
        yield self.known[reference_3HW.numpy().tobytes()][:frames]


def questions_to(network: Still, clips: int = 2) -> ControlTests:
    torch.manual_seed(0)
    made = ControlTests(network, Judge().eval(), IdentityJudge().eval(), clips, 6, 1, {"steps": 1})
    if isinstance(network, Cheat):
        network.known = {c["reference"].numpy().tobytes(): c["frames"] for c in made.clips}
    return made


def test_the_truth_gets_the_ceiling() -> None:
    rows = {row.name: row for row in questions_to(Cheat()).rows(["truth"])}
    assert rows["grain in flat places, grey levels"].value() == 0
    judged = ("AU correlation by action units", "lip opening r, own sound", "identity cosine to the portrait")
    for name in (*judged, "flicker in still places, grey levels"):
        assert rows[name].value() == pytest.approx(rows[name].ceiling, abs=1e-4), name


def test_a_still_picture_has_a_finite_distance_and_no_lips() -> None:
    rows = {row.name: row for row in questions_to(Still()).rows(["truth"])}
    assert 10 < rows["PSNR, dB"].value() < 40
    assert rows["lip opening r, own sound"].value() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("question", "lines"), [("emotion", 3), ("shuffled", 1), ("palette", 1), ("compounds", 1)]
)
def test_every_question_has_a_row_for_each_clip_and_seed(question: str, lines: int) -> None:
    rows = list(questions_to(Still()).rows([question]))
    assert len(rows) == lines
    assert all(len(row.sums) == len(row.people) == 2 for row in rows)
    assert all(set(row.record()) >= {"name", "value", "interval", "ceiling", "floor", "n"} for row in rows)


def test_what_is_mistaken_for_what_is_said() -> None:
    row = next(questions_to(Still()).rows(["emotion"]))
    wrong = sum(row.mistakes.values())
    assert row.value() == 1 - wrong / 2
    assert wrong, "a still face cannot show two emotions"
    assert "mistaken: " in row.line()
    assert sum(number for *_, number in row.record()["mistakes"]) == wrong


def test_units_that_do_not_move_do_not_rise() -> None:
    (row,) = questions_to(Still(), clips=1).rows(["units"])
    assert row.value() == 0
    assert len(row.sums) == 15


def test_all_questions_of_the_command_exist() -> None:
    assert all(callable(getattr(ControlTests, question)) for question in score.QUESTIONS)


def test_the_command_writes_what_it_prints(tmp_path, monkeypatch, capsys) -> None:
    from moee import cli
    from moee.generation import generator

    fake = generator.LoadedGenerator(Still(), tmp_path / "still.safetensors", "0" * 64)
    monkeypatch.setattr(generator, "load_generator", lambda *args: fake)
    out = tmp_path / "score.json"
    words = ["score", "--clips", "2", "--frames", "6", "--seeds", "1", "--questions", "palette"]
    assert cli.main([*words, "--out", str(out)]) == 0
    assert "happy+surprise" in capsys.readouterr().out
    record = json.loads(out.read_text())
    assert record["judges"]["published"] is False
    assert [row["n"] for row in record["rows"]] == [2]
