import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.batch import ACTION_UNITS, EMOTIONS, parse_blend
from moee.generation import cues
from moee.generation.cue_request import CueRequest


def timeline(folder: Path, entries: object) -> Path:
    path = folder / "t.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


def test_nothing_asked_for_is_neutral() -> None:
    cue = cues.build(CueRequest(), frames=10)
    assert torch.equal(cue.label, torch.zeros(1, 6))
    assert cue.text is cue.speech is cue.action_units is None


def test_cues_combine() -> None:
    cue = cues.build(CueRequest(emotion="angrily_disgusted", au="AU4=0.5", text=" cross "), 10)
    assert torch.equal(cue.label, parse_blend("angrily_disgusted")[None])
    assert cue.action_units[0, ACTION_UNITS.index(4)] == 0.5
    assert cue.action_units.sum() == 0.5
    assert cue.text == "cross"


def test_brows_may_be_asked_for_another_emotion_than_the_mouth(tmp_path: Path) -> None:
    cue = cues.build(CueRequest(emotion="angry above happy:0.6"), 10)
    assert torch.equal(cue.label, torch.stack([parse_blend("angry"), parse_blend("happy:0.6")])[None])
    with pytest.raises(ValueError, match="a face has two regions"):
        cues.parse_emotion("sad above happy above fear")
    with pytest.raises(ValueError, match="unknown emotion 'glee'"):
        cues.parse_emotion("sad above glee")
    entries = [{"time": 0, "emotion": "sad"}, {"time": 0.4, "emotion": "angry above happy"}]
    blend = cues.read_timeline(timeline(tmp_path, entries), 11).blend
    assert blend.shape == (11, 2, 6)
    torch.testing.assert_close(blend[0], parse_blend("sad").expand(2, -1))
    torch.testing.assert_close(blend[5], (blend[0] + blend[10]) / 2)


@pytest.mark.parametrize("text", ["AU12=0.8,AU6=0.5", "au12:0.8, 6=0.5", " AU06 = 0.5 , AU12=0.8"])
def test_action_units_in_several_spellings(text: str) -> None:
    values_A = cues.parse_action_units(text)
    assert values_A[ACTION_UNITS.index(12)] == pytest.approx(0.8)
    assert values_A[ACTION_UNITS.index(6)] == 0.5
    assert values_A.count_nonzero() == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("AU12", "not of the form"),
        ("", "not of the form"),
        ("AU12=high", "not a number"),
        ("AU12=nan", "outside 0..1"),
        ("AU12=-0.1", "outside 0..1"),
        ("AU11=0.5", "did you mean"),
        ("AU12=0.1,AU12=0.2", "given twice"),
    ],
)
def test_bad_action_units(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        cues.parse_action_units(text)
    assert "\n" not in str(error.value)


def test_a_timeline_moves_in_straight_lines_and_holds_its_ends(tmp_path: Path) -> None:
    path = timeline(tmp_path, [{"time": 0.2, "emotion": "sad"}, {"time": 0.6, "emotion": "happy:0.5"}])
    curve_FE = cues.read_timeline(path, 30).blend
    sad, happy = curve_FE[:, EMOTIONS.index("sad")], curve_FE[:, EMOTIONS.index("happy")]
    assert torch.allclose(sad[:6], torch.ones(6))
    assert sad[10] == pytest.approx(0.5)
    assert happy[10] == pytest.approx(0.25)
    assert torch.allclose(happy[15:], torch.full((15,), 0.5))


def test_action_units_and_emotion_have_their_own_curves(tmp_path: Path) -> None:
    path = timeline(tmp_path, [{"time": 0, "emotion": "fear"}, {"time": 1, "au": "AU1=1"}])
    result = cues.read_timeline(path, 25)
    assert torch.allclose(result.blend, parse_blend("fear").expand(25, -1))
    assert torch.allclose(result.action_units[:, 0], torch.ones(25))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.floats(0, 1)), min_size=1, max_size=6, unique_by=lambda p: p[0]
    )
)
def test_between_any_points_the_curve_stays_within_them(points: list[tuple[int, float]]) -> None:
    ordered = [(t / 10, torch.tensor([v])) for t, v in sorted(points)]
    curve_F = cues.interpolate(ordered, 60)[:, 0]
    values = [v.item() for _, v in ordered]
    assert curve_F.shape == (60,)
    assert curve_F.min() >= min(values) - 1e-6
    assert curve_F.max() <= max(values) + 1e-6


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("not json", "is not JSON"),
        ({}, "expected a list"),
        ([], "expected a list"),
        (["happy"], "entry 1"),
        ([{"time": 0}], 'entry 1: needs "emotion", "au" or "palette"'),
        ([{"time": 0, "emotion": None}], 'needs "emotion", "au" or "palette"'),
        ([{"emotion": "happy"}], "entry 1: lacks time"),
        ([{"time": -1, "emotion": "happy"}], "time must be greater than or equal to 0, got -1"),
        ([{"time": True, "emotion": "happy"}], "time must be a number, got True"),
        ('[{"time": NaN, "emotion": "happy"}]', "is not JSON: NaN is no number"),
        ([{"time": 0, "emotion": "hapy"}], "entry 1: unknown emotion 'hapy': did you mean 'happy'"),
        ([{"time": 0, "emotion": 3}], "entry 1: emotion must be a text or null, got 3"),
        ([{"time": 0, "emotion": "sad", "mood": 1}], "unknown key 'mood'"),
        (
            [{"time": 0, "emotion": "sad"}, {"time": 0, "emotion": "sad"}],
            "entry 2: time 0 does not come after 0",
        ),
        ([{"time": 0, "au": "AU99=1"}], "entry 1: unknown action unit"),
        ([{"time": 0, "emotoin": "sad"}], "entry 1: unknown key 'emotoin', did you mean 'emotion'"),
        ([{"time": 10**400, "emotion": "sad"}], "entry 1: time must be a number, got 1000"),
        (f'[{{"time": {"9" * 5000}, "emotion": "sad"}}]', "is not JSON: .*4300 digits"),
        ([{"time": 0, "palette": "happy:2"}], "entry 1: .*weight 2 is outside 0..1"),
        ("[" * 100_000, "is not JSON: maximum recursion"),
    ],
)
def test_bad_timelines_name_the_entry(tmp_path: Path, entries: object, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        cues.read_timeline(timeline(tmp_path, entries), 10)
    assert "\n" not in str(error.value)


def test_a_timeline_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mark.json"
    path.write_text('[{"time": 0, "emotion": "sad"}]', "utf-8-sig")
    assert cues.read_timeline(path, 3).blend.shape[0] == 3


def test_the_same_thing_said_twice_is_refused(tmp_path: Path) -> None:
    path = timeline(tmp_path, [{"time": 0, "emotion": "sad"}])
    with pytest.raises(ValueError, match="drop --emotion"):
        cues.check(CueRequest(timeline=path, emotion="happy"))


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        cues.check(CueRequest(timeline=tmp_path / "none.json"))
    with pytest.raises(FileNotFoundError, match="emotion-audio"):
        cues.check(CueRequest(emotion_audio=tmp_path / "none.wav"))


def test_a_text_has_an_end() -> None:
    with pytest.raises(ValueError, match="at most 1000"):
        cues.check(CueRequest(text="sad " * 300))


def test_a_palette_alone_is_the_emotion_too(tmp_path: Path) -> None:
    alone = cues.build(CueRequest(palette="happy:0.7,surprise:0.3"), 10)
    assert torch.equal(alone.palette, parse_blend("happy:0.7,surprise:0.3")[None])
    assert torch.equal(alone.label, alone.palette)
    beside = cues.build(CueRequest(palette="happy:0.7", emotion="sad"), 10)
    assert torch.equal(beside.label, parse_blend("sad")[None])
    assert cues.build(CueRequest(palette="happy:0.7", text="cross"), 10).label is None


def test_a_palette_has_its_own_curve(tmp_path: Path) -> None:
    path = timeline(tmp_path, [{"time": 0, "emotion": "fear"}, {"time": 1, "palette": "fear"}])
    cue = cues.build(CueRequest(timeline=path), 25)
    assert torch.equal(cue.palette, parse_blend("fear").expand(25, -1))
    with pytest.raises(ValueError, match="drop --palette"):
        cues.check(CueRequest(timeline=path, palette="fear"))
    only = timeline(tmp_path, [{"time": 0, "palette": "fear"}])
    assert torch.equal(cues.build(CueRequest(timeline=only), 3).label, parse_blend("fear").expand(3, -1))
