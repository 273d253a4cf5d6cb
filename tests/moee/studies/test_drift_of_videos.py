"""`moee study drift` of finished videos: what was put in comes out, and what cannot be measured is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from judges import PROTOCOL, judges
from media_files import write_video
from torch import Tensor

from datamodules.batch import CLASSES, parse_blend
from evaluation.clips.pair import Pair
from evaluation.measuring.feature_cache import FeatureCache
from evaluation.measuring.pair_features import PairFeatureExtractor
from evaluation.metrics.emotion.scores import EmotionAccuracy
from evaluation.protocol import load_protocol
from moee import cli
from moee.studies import drift_of_videos
from moee.studies.drift_of_videos import emotion_of, report_of, watch_pairs

FRAMES, SIZE = 60, 128


def clip(person: int) -> Tensor:
    """A still picture that carries what `judges` read: emotion, lips, identity."""
    frames = torch.full((FRAMES, 3, SIZE, SIZE), 80, dtype=torch.uint8)
    frames[..., ::2] = 100
    frames[:, 0, 0, 40] = 51  # lips, of 255
    frames[:, 0, 1, : len(CLASSES)] = 0
    frames[:, 0, 1, 0] = 255  # happy
    frames[:, 1, 4, :16] = 0
    frames[:, 1, 4, person] = 255
    return frames


def pair(person: int, made: Tensor | None = None, emotion: str = "happy", frames: int = FRAMES) -> Pair:
    true = clip(person)
    truth = {"frames": true[:frames]} | ({"blend": parse_blend(emotion)} if emotion else {})
    made = true if made is None else made
    return Pair(f"c{person}", f"p{person}", made[:frames], truth)


def sides() -> PairFeatureExtractor:
    return PairFeatureExtractor(
        judges()[:2], load_protocol(PROTOCOL).preprocessing, "measured", FeatureCache(None)
    )


def drifting(person: int) -> Tensor:
    """Darker by a level a frame, mouth and emotion fading, the person turning into another one."""
    made = clip(person).int()
    step = torch.arange(FRAMES)
    made[:, :, 8:] -= step[:, None, None, None]
    made[:, 0, 0, 40] += 2 * step
    made[:, 0, 1, 0] -= 2 * step
    made[:, 0, 1, 6] += 2 * step  # neutral
    made[:, 1, 4, 15] += 2 * step
    return made.to(torch.uint8)


def test_what_drifts_is_seen_and_what_does_not_is_flat() -> None:
    found = watch_pairs([pair(i, drifting(i)) for i in range(3)], sides(), EmotionAccuracy())
    findings = report_of(found, judges()[:2]).findings
    inside = (SIZE - 8) / SIZE
    assert findings["brightness"]["made"].slope == pytest.approx(-25 * inside, rel=0.01)
    assert findings["lip opening error"]["made"].slope == pytest.approx(2 / 255 * 25)
    assert findings["lip opening error"]["true"] is None
    assert findings["asked emotion"]["made"].slope == pytest.approx(-2 / 255 * 25)
    assert findings["identity to the portrait"]["made"].mean[0] > 0.99
    assert findings["identity to the portrait"]["made"].mean[-1] < 0.95
    assert findings["sharpness"]["made"].mean[0] == pytest.approx(1, abs=0.05)
    for name in ("brightness", "sharpness", "asked emotion", "identity to the portrait"):
        assert findings[name]["true"].slope == pytest.approx(0, abs=1e-6)
    assert findings["brightness"]["made"].people == 3


def test_what_a_video_lacks_is_counted_with_its_reason() -> None:
    pairs = [
        pair(0),
        pair(1, emotion=""),
        pair(2, frames=49),
        replace(pair(3), generated=None, problem="bad"),
    ]
    told = report_of(watch_pairs(pairs, sides(), EmotionAccuracy()), judges()[:2])
    assert told.lines[-4:] == [
        "not measured in 1 of 2 videos, no emotion is known of the clip: asked emotion",
        "4 videos, 2 failed",
        "  c2: 1.96 s: nothing can be seen to drift in under 2 s",
        "  c3: bad",
    ]
    assert told.findings["asked emotion"]["made"].clips == (1, 1, 1)
    alone = PairFeatureExtractor(
        judges()[:1], load_protocol(PROTOCOL).preprocessing, "measured", FeatureCache(None)
    )
    told = report_of(watch_pairs([pair(0)], alone, None), judges()[:1])
    assert told.findings.keys() == {"lip opening error", "sharpness", "brightness"}
    nobody = "not measured in 1 of 1 videos, no network of the protocol measures it: "
    assert nobody + "identity to the portrait" in told.lines
    assert "embedded" in told.measured_by
    with pytest.raises(ValueError, match=r"none of 1 videos could be measured; c3: bad"):
        watch_pairs(pairs[3:], sides(), None)


def test_a_true_video_that_begins_with_a_flat_picture_has_no_measure_of_sharpness() -> None:
    dark = pair(0)
    dark.truth["frames"][0] = 0
    found = watch_pairs([dark, pair(1)], sides(), EmotionAccuracy())
    assert found.lacking["sharpness"] == {"the first true picture is flat": 1}
    assert found.lacking.keys() == {"sharpness"}
    assert report_of(found, judges()[:2]).findings["sharpness"]["made"].clips == (1, 1, 1)


def test_the_emotion_is_read_as_the_protocol_scores_it() -> None:
    protocol = load_protocol(PROTOCOL)
    assert type(emotion_of(protocol)) is EmotionAccuracy
    named = replace(protocol, metrics=("psnr", "emotion_recall_fer2013", "emotion_accuracy_hsemotion8"))
    assert emotion_of(named).needs[0] == "emotion_hsemotion8"  # type: ignore[union-attr]
    assert emotion_of(replace(protocol, metrics=("psnr",))) is None


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three clips of two seconds, of which the system cut one short."""
    monkeypatch.setattr(drift_of_videos, "load_extractors", lambda *_: judges())
    monkeypatch.chdir(tmp_path)
    for side in ("made", "true"):
        (tmp_path / side).mkdir()
        for i in range(3):
            write_video(tmp_path / side / f"c{i}.mp4", 50, 25, (SIZE, SIZE))
    broken = tmp_path / "made" / "c2.mp4"
    broken.write_bytes(broken.read_bytes()[:-200])
    (tmp_path / "about.json").write_text(
        '{"c0": {"identity": "a", "emotion": "sad"}, "c1": {"identity": "b"}}'
    )
    return tmp_path


def asked(*options: str) -> int:
    return cli.main(["study", "drift", *options])


def test_folders_and_a_manifest_give_the_same_curves(folders: Path, capsys) -> None:
    given = ["--generated", "made", "--reference", "true", "--about", "about.json"]
    assert asked(*given, "--out", "one.json") == 0
    said = capsys.readouterr().out
    assert "drift of made: 3 clips, protocol embedded-v2" in said
    assert "3 videos, 1 failed\n  c2: c2.mp4: " in said
    assert "1 of 3 clips have no entry in about.json" in said
    assert "lip opening error         0.0000 [0.0000, 0.0000]     0, by definition" in said
    one = json.loads(Path("one.json").read_text())
    assert one["system"] == {"name": "made", "seeds": []}
    assert one["judges"].keys() == {"embedded-judge", "embedded-identity"}
    assert one["data"]["clips"] == 3
    assert one["data"]["failed"][0]["clip"] == "c2"
    assert one["data"]["not_measured"] == {"asked emotion": {"no emotion is known of the clip": 1}}
    assert Path("one.html").read_text().count("<svg") == 5
    known = [{"identity": "a", "emotion": "sad"}, {"identity": "b"}, {}]
    listed = [
        {"key": f"c{i}", "generated": f"made/c{i}.mp4", "reference": f"true/c{i}.mp4", **about}
        for i, about in enumerate(known)
    ]
    Path("m.json").write_text(json.dumps({"clips": listed}))
    assert asked("--manifest", "m.json", "--name", "made", "--out", "two.json") == 0
    two = json.loads(Path("two.json").read_text())
    assert two["sha256"] == one["sha256"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["drift", "--generated", "made"], "give --reference DIR"),
        (["drift", "--generated", "made", "--reference", "none"], "no folder none"),
        (["drift", "--generated", "made", "--reference", "true", "--steps", "2"], "--steps is for a network"),
        (["drift", "--generated", "made", "--manifest", "m.json"], "leave --generated out"),
        (["drift", "--manifest", "m.json", "--about", "a.json"], "leave --about out"),
        (["dose", "--generated", "made", "--reference", "true"], "dose asks a network for clips"),
        (["drift", "--reference", "true"], "--reference goes with the videos"),
    ],
)
def test_options_that_would_be_ignored_are_one_line(folders: Path, capsys, options, said) -> None:
    assert cli.main(["study", *options]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
