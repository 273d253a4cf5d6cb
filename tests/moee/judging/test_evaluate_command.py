"""`moee evaluate`: folders and networks, limits beside the result, one clear line for what cannot be."""

import json
import re
from pathlib import Path

import av
import pytest
import torch
from judges import PROTOCOL, judges, painted, quick_protocol
from mouth_painter import MouthPainter

from datamodules.batch import parse_blend
from evaluation.clips.pairing import generated_pairs
from evaluation.clips.samples import clips_of_samples
from evaluation.evaluate import evaluate_pairs
from evaluation.leaderboard.admission import missing_origin
from evaluation.results.result import Result
from moee import cli
from moee.clips.sources import Animated, limit_entries, synthetic_clips
from moee.clips.system_record import read_system
from moee.generation import generator
from moee.generation.generator import LoadedGenerator
from moee.generation.video_writer import CRF, write_video
from moee.judging import protocols

H264 = f"real-video-H-264-crf-{CRF}-PyAV-{av.__version__.replace('.', '-')}"


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> MouthPainter:
    """A stand-in for the network and for its judges."""
    painter = MouthPainter(size=128)
    loaded = LoadedGenerator(painter, Path("painter.safetensors"), "0" * 64)
    monkeypatch.setattr(generator, "load_generator", lambda *_: loaded)
    monkeypatch.setattr(protocols, "load_extractors", lambda *_: judges())
    return painter


def test_synthetic_people_show_every_emotion_in_turn() -> None:
    clips = synthetic_clips(12, 5, 64)
    shown = [clips.load(i)["blend"] for i in (0, 6, 7)]
    assert torch.equal(shown[0], parse_blend("happy:0.8"))
    assert shown[1].sum() == 0
    assert (shown[2] > 0).sum() == 2
    assert len(set(clips.identities)) == 12
    first, again = clips.load(3), clips.load(3)
    assert torch.equal(first["frames"], again["frames"])
    with pytest.raises(ValueError, match="1 synthetic clips of 5 frames"):
        synthetic_clips(1, 5, 64)


def test_the_network_gets_the_clips_own_things_and_the_floors_get_anothers() -> None:
    painter, samples = MouthPainter(size=128), [painted(i) for i in range(4)]
    for i, sample in enumerate(samples):
        sample["waveform"] = torch.full((4 * 640,), 0.1 * i)
    clips = clips_of_samples(samples)
    own, sound, emotion = Animated(LoadedGenerator(painter, Path("p"), "0" * 64), clips, 2).entries(
        "p", [3], True
    )
    assert [system.role for system, _ in (own, sound, emotion)] == ["system", "floor", "floor"]
    assert own[0].seeds == [3]
    assert own[0].settings == {"steps": 2, "emotion_strength": 1.5, "cue": "label"}
    made = [make(0, samples[0], 3) for _, make in (own, sound, emotion)]
    assert all(frames.shape == (4, 3, 128, 128) for frames in made)
    assert not torch.equal(made[0], made[1])  # a louder sound darkens the mouth
    wanted = [samples[0]["blend"], samples[0]["blend"], samples[2]["blend"]]
    for cue, blend in zip(painter.cues, wanted, strict=True):
        assert cue.label is not None
        assert torch.equal(cue.label[0], blend)


def test_a_clip_without_sound_or_emotion(network: MouthPainter) -> None:
    sample = {k: v for k, v in painted(0).items() if k not in ("waveform", "blend")}
    clips = clips_of_samples([sample, painted(1)])  # type: ignore[list-item]
    (system, make), *_ = Animated(generator.load_generator(), clips, 1).entries("p", [0], False)
    result = evaluate_pairs(generated_pairs(clips, make), PROTOCOL, extractors=judges(), system=system)
    assert result.rows[0].problem == "the true video has no sound, and a network needs a voice"
    assert not result.rows[1].problem


def test_limits_lie_beside_the_result_and_are_printed(
    network: MouthPainter, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    class Codec(torch.nn.Module):
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return z / 127.5 - 1

    network.codec, network.encode_pictures = Codec(), lambda frames: frames.float()  # type: ignore[attr-defined]
    out = tmp_path / "results" / "ours.json"
    given = [
        "evaluate",
        "--checkpoint",
        "p",
        "--synthetic",
        "3",
        "--frames",
        "5",
        "--device",
        "cpu",  # whose memory is measured
        "--limits",
        "--out",
        str(out),
    ]
    assert cli.main([*given, "--name", "ours"]) == 0
    said = capsys.readouterr().out
    assert "(1) ours, (2) ours, another sound, (3) ours, another emotion, (4) real video, (5) " in said
    assert "~ this floor's interval meets that of a real video, also if encoded again" in said
    assert "what each metric sees" in said
    assert "cost a frame" in said
    found = {path.name: Result.read(path) for path in out.parent.glob("*.json")}
    assert found.keys() == {
        "ours.json",
        "ours.ours-another-sound.json",
        "ours.ours-another-emotion.json",
        "ours.real-video.json",
        "ours.real-video-codec-00000000.json",
        f"ours.{H264}.json",
        "ours.sound-of-another-moment.json",
        "ours.another-emotion.json",
        "ours.static-reference.json",
        "ours.shuffled-clips.json",
    }
    assert len({str(result.comparable) for result in found.values()}) == 1
    assert (
        found["ours.real-video-codec-00000000.json"].metrics["psnr"]["value"] == 100
    )  # the stand-in loses nothing
    assert found["ours.json"].system["checkpoint_sha256"] == "0" * 64
    assert found["ours.json"].system["seconds_per_frame"] is None  # a clock's word is in no hash
    assert found["ours.json"].seconds_per_frame > 0
    assert found["ours.json"].peak_memory_mb > 50
    assert found["ours.real-video.json"].seconds_per_frame is None
    assert 25 < found[f"ours.{H264}.json"].metrics["psnr"]["value"] < 60
    assert set(found["ours.json"].rows[0].sums) > {"psnr", "emotion_accuracy"}


def test_a_folder_and_its_limits(network: MouthPainter, tmp_path: Path, capsys) -> None:
    for name, shift in (("true", 0), ("made", 5)):
        (tmp_path / name).mkdir()
        for i in range(2):
            frames = torch.full((6, 3, 128, 128), 60 + 20 * i + shift, dtype=torch.uint8)
            write_video(tmp_path / name / f"{i}.mp4", frames, torch.zeros(6 * 640), {})
    given = ["evaluate", "--generated", str(tmp_path / "made"), "--reference", str(tmp_path / "true")]
    assert cli.main([*given, "--limits", "--out", str(tmp_path / "r" / "a.json")]) == 0
    said = capsys.readouterr().out
    for name in ("another identity", "another emotion"):
        assert f"floor not made: {name}: no emotion is known of 2 of 2 clips, as of '0'" in said
    names = {path.stem for path in (tmp_path / "r").glob("*.json")}
    limits = ("real-video", H264, "static-reference", "shuffled-clips", "sound-of-another-moment")
    assert names == {"a", *(f"a.{name}" for name in limits)}
    psnr = {name: Result.read(tmp_path / "r" / f"{name}.json").metrics["psnr"]["value"] for name in names}
    assert psnr["a.real-video"] > psnr["a"] > psnr["a.shuffled-clips"]
    kept = sorted((tmp_path / "r" / ".kept").iterdir())
    assert cli.main([*given, "--limits", "--out", str(tmp_path / "r" / "b.json")]) == 0
    assert sorted((tmp_path / "r" / ".kept").iterdir()) == kept  # nothing was measured twice


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--generated", "absent", "--synthetic", "3"], "no folder absent"),
        (["--checkpoint", "p", "--synthetic", "3", "--seeds", "0"], "--seeds 0: at least 1"),
        (["--checkpoint", "p", "--synthetic", "1"], "1 synthetic clips of 25 frames"),
        (["--checkpoint", "p", "--reference", "absent"], "no folder absent"),
        (
            ["--checkpoint", "p", "--synthetic", "3", "--system", "s"],
            "--system goes with --generated or --manifest, here is --checkpoint and --synthetic: "
            "leave it out, a checkpoint tells what made them; --name and --sampled-by say the rest",
        ),
        (["--checkpoint", "p", "--synthetic", "3", "--about", "a"], "--about goes with --reference"),
        (["--manifest", "m", "--about", "a"], "the manifest itself has `identity` and `emotion`"),
        (["--manifest", "m", "--reference", "x"], "--manifest names the true videos itself"),
        (["--generated", "x"], "nothing to compare with: give --reference DIR"),
        (["--checkpoint", "p", "--reference", "x", "--frames", "25"], "--frames goes with --synthetic, here"),
        *(
            (
                ["--generated", "x", "--reference", "y", option, value],
                f"{option} goes with --checkpoint, here",
            )
            for option, value in (
                ("--seeds", "1"),  # also what would be the default is refused
                ("--steps", "4"),
                ("--precision", "auto"),
                ("--keep-videos", "d"),
            )
        ),
        (
            ["--checkpoint", "p", "--synthetic", "3", "--keep-videos", "d", "--name", "a/b"],
            "--keep-videos: 'a/b' cannot be the name of a folder",
        ),
    ],
)
def test_what_cannot_be_is_one_line(network, tmp_path: Path, capsys, options: list[str], said: str) -> None:
    assert cli.main(["evaluate", *options, "--out", str(tmp_path / "r.json")]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"name": 5}', "name must be a text, got 5"),
        ('{"name": "x", "seeds": null}', "seeds must be a list, got None"),
        ('{"name": "x", "seeds": [0.5]}', "seeds[0] must be a whole number, got 0.5"),
        ('{"name": "x", "settings": []}', "settings must be `key: value` pairs, got []"),
        (
            '{"name": "x", "seconds_per_frame": "fast"}',
            "seconds_per_frame must be a number or null, got",
        ),
        ('{"name": "x", "tflop_per_frame": "many"}', "tflop_per_frame must be a number or null, got 'many'"),
        ('{"name": "x", "role": "y"}', "system.json: unknown role 'y'"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_the_record_of_a_system_is_read_before_anything_is_measured(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "system.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=re.escape(said)):
        read_system(path)


def test_kept_videos_and_who_made_them_stand_on_the_board(
    network: MouthPainter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "--checkpoint",
        "p",
        "--synthetic",
        "2",
        "--frames",
        "5",
        "--seeds",
        "2",
        "--keep-videos",
        "made",
    ]
    words += ["--sampled-by", "Lab A", "--evaluated-by", "Lab B", "--protocol", str(quick_protocol(tmp_path))]
    assert cli.main(["evaluate", *words, "--name", "our own", "--out", "results/o.json"]) == 0
    kept = sorted((tmp_path / "made" / "our own").iterdir())  # the first seed's alone, and no halves of files
    assert [path.name for path in kept] == ["synthetic-0000.mp4", "synthetic-0001.mp4"]
    result = Result.read(tmp_path / "results" / "o.json")
    assert len(result.rows) == 4
    assert result.system["settings"]["sampled_by"] == "Lab A"
    with av.open(str(kept[0])) as video:
        assert video.streams.video[0].codec_context.name == "h264"
        assert video.streams.video[0].frames == 5
        assert video.streams.audio
        record = json.loads(video.metadata["comment"])
    assert record["ai_generated"] is True
    assert (record["checkpoint_sha256"], record["seed"], record["sampled_by"]) == ("0" * 64, 0, "Lab A")
    assert cli.main(["leaderboard", "results", "--videos", "made", "--out", "board"]) == 0
    shown = {path.read_bytes() for path in (tmp_path / "board" / "videos").iterdir()}
    assert shown == {path.read_bytes() for path in kept}
    page = " ".join((tmp_path / "board" / "index.html").read_text().split())
    assert "<dt>sampled by</dt><dd>Lab A</dd>" in page
    assert "<dt>evaluated by</dt><dd>Lab B</dd>" in page


def test_who_made_a_folder_of_videos_is_told_by_an_option_alone(
    network: MouthPainter, tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir()
    for i in range(2):
        frames = torch.full((5, 3, 128, 128), 60 + 20 * i, dtype=torch.uint8)
        write_video(tmp_path / "made" / f"{i}.mp4", frames)
    made, out = str(tmp_path / "made"), tmp_path / "r.json"
    words = [
        "evaluate",
        "--generated",
        made,
        "--reference",
        made,
        "--protocol",
        str(quick_protocol(tmp_path)),
    ]
    assert cli.main([*words, "--sampled-by", "Lab A", "--out", str(out)]) == 0
    result = Result.read(out)
    assert result.system["settings"] == {"sampled_by": "Lab A"}
    assert not missing_origin(result)
    for name in ("", " ", "a\nb", "x" * 81):
        with pytest.raises(SystemExit):
            cli.main([*words, "--evaluated-by", name, "--out", str(out)])


def test_without_a_codec_there_are_two_ceilings_and_three_floors() -> None:
    entries = limit_entries(clips_of_samples([painted(0), painted(2)]))
    assert [system.role for system, _ in entries] == ["ceiling", "ceiling", "floor", "floor", "floor"]
