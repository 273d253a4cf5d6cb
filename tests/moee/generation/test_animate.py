import argparse
import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from damaged_files import damaged
from mouth_painter import MouthPainter
from PIL import Image
from places import ROOT

from moee import cli
from moee.commands.making import animate
from moee.generation import generator
from moee.generation.generator import LoadedGenerator


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A picture, a sound, and a fake network instead of the shipped one."""
    ramp = torch.arange(120).repeat(90, 1)
    Image.fromarray(torch.stack([ramp, ramp.flip(1), ramp], -1).byte().numpy()).save(tmp_path / "face.png")
    make_sound(tmp_path / "line.wav", seconds=1.03)
    network = MouthPainter()
    fake = LoadedGenerator(network, Path("fake"), "0" * 64)
    monkeypatch.setattr(generator, "load_generator", lambda *args: fake)
    return tmp_path, network


def make_sound(
    path: Path, seconds: float, rate: int = 16_000, channels: int = 1, amplitude: float = 0.3
) -> None:
    time_S = torch.arange(round(seconds * rate)) / rate
    wave_S = amplitude * torch.sin(2 * torch.pi * 220 * time_S) * (torch.sin(2 * torch.pi * 3 * time_S) > 0)
    with av.open(str(path), "w") as container:
        layout = "stereo" if channels == 2 else "mono"
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        packed = (wave_S * 32767).short()[:, None].repeat(1, channels).reshape(1, -1).numpy()
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def command(folder: Path, *more: str, audio: str = "line.wav") -> int:
    parser = argparse.ArgumentParser()
    animate.add_arguments(parser)
    given = ["--portrait", str(folder / "face.png"), "--audio", str(folder / audio)]
    given += ["--out", str(folder / "out.mp4"), "--face-box", "30 15 50 60", *more]
    return animate.run(parser.parse_args(given))


def decoded(path: Path) -> dict:
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        facts = {
            "codecs": (video.codec_context.name, sound.codec_context.name, video.codec_context.pix_fmt),
            "rate": video.average_rate,
            "size": (video.width, video.height),
            "seconds": (float(video.duration * video.time_base), float(sound.duration * sound.time_base)),
            "metadata": dict(container.metadata),
            "frames": [frame.to_ndarray(format="rgb24") for frame in container.decode(video)],
        }
    with av.open(str(path)) as container:
        facts["samples"] = sum(frame.samples for frame in container.decode(audio=0)) / 48_000
    return facts


def left_behind(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"face.png", "line.wav"}


def test_a_video_has_the_codecs_rate_length_and_record_that_are_promised(world) -> None:
    folder, network = world
    assert command(folder, "--emotion", "happy", "--seed", "7") == 0
    facts = decoded(folder / "out.mp4")
    assert facts["codecs"] == ("h264", "aac", "yuv420p")
    assert facts["rate"] == 25
    assert facts["size"] == (32, 32)
    assert len(facts["frames"]) == 26  # ceil(16480 / 640)
    video, sound = facts["seconds"]
    assert abs(video - sound) < 0.04
    assert abs(video - facts["samples"]) < 0.04
    record = json.loads(facts["metadata"]["comment"])
    assert record["ai_generated"] is True
    assert (record["seed"], record["emotion_strength"], record["emotion_guidance"]) == (7, 1.5, 1.0)
    assert record["checkpoint_sha256"] == "0" * 64
    assert record["cues"] == ["label"]
    assert len(torch.cat(network.motion)) == 26
    assert left_behind(folder) == {"out.mp4"}


@pytest.mark.parametrize(
    ("seconds", "rate", "channels"), [(1 / 16_000, 16_000, 1), (0.5, 48_000, 2), (0.31, 44_100, 1)]
)
def test_any_rate_channels_and_length_of_sound(world, seconds: float, rate: int, channels: int) -> None:
    folder, _ = world
    make_sound(folder / "other.wav", seconds, rate, channels)
    command(folder, audio="other.wav")
    facts = decoded(folder / "out.mp4")
    assert len(facts["frames"]) == -(-round(seconds * 16_000) // 640)
    assert max(facts["seconds"]) - min(*facts["seconds"], facts["samples"]) < 0.04


def test_silence_is_a_voice_like_any_other(world) -> None:
    folder, _ = world
    make_sound(folder / "silence.wav", 0.4, amplitude=0.0)
    command(folder, "--text", "at peace", audio="silence.wav")
    assert len(decoded(folder / "out.mp4")["frames"]) == 10


def test_same_seed_same_file_content_and_other_seed_other_head_motion(world) -> None:
    folder, network = world
    command(folder)
    command(folder)
    command(folder, "--seed", "1")
    command(folder, "--head-motion", "still")
    runs = torch.cat(network.motion).reshape(4, 26, 7)
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert not runs[3].any()


def test_paste_back_keeps_the_rest_of_the_picture(world) -> None:
    folder, _ = world
    command(folder, "--paste-back")
    facts = decoded(folder / "out.mp4")
    assert facts["size"] == (120, 90)
    given = torch.from_numpy(facts["frames"][0]).float()
    original = torch.from_numpy(np.array(Image.open(folder / "face.png"))).float()
    assert (given - original)[:, :8].abs().mean() < 3


def test_the_grid_has_a_tile_for_each_emotion_and_one_sound(world) -> None:
    folder, network = world
    make_sound(folder / "short.wav", 0.2)
    command(folder, "--grid", audio="short.wav")
    facts = decoded(folder / "out.mp4")
    assert len(network.cues) == 8
    assert facts["size"][0] > facts["size"][1] > 512
    assert len(facts["frames"]) == 5


def test_a_timeline_reaches_the_network_frame_by_frame(world) -> None:
    folder, network = world
    (folder / "mood.json").write_text('[{"time": 0, "emotion": "neutral"}, {"time": 1, "emotion": "happy"}]')
    command(folder, "--timeline", str(folder / "mood.json"), "--text", "cheering up")
    assert network.cues[0].label.shape == (26, 6)
    assert network.cues[0].label[:, 0].diff().min() >= 0
    assert network.cues[0].text == "cheering up"


class KnowsTears:
    """A text encoder that has read one word."""

    def unknown_words(self, text: str) -> list[str]:
        return [word for word in text.split() if word != "tears"]

    def known_share(self, text: str) -> float:
        return text.split().count("tears") / len(text.split())


@pytest.mark.parametrize(
    ("text", "line", "text_that_is_read"),
    [
        (
            "qwzx blorf",
            "--text 'qwzx blorf' is not understood and leaves the face near neutral",
            None,
        ),
        ("blorf tears", "--text: not known and passed over: blorf; it reads how", "blorf tears"),
        ("tears", "", "tears"),
    ],
)
def test_words_that_nobody_taught_are_told(world, capsys, text, line, text_that_is_read) -> None:
    folder, network = world
    network.emotion_encoders = {"text": KnowsTears()}
    command(folder, "--text", text)
    told = capsys.readouterr().err
    assert line in told
    assert told.count("--text") == bool(line)
    assert "English" in told or not line
    assert network.cues[0].text == text_that_is_read
    assert (network.cues[0].label is None) == (text_that_is_read is not None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--emotion", "hapy"], "did you mean 'happy'"),
        (["--emotion", "happy:0.8,sad:0.8"], "at most 1"),
        (["--emotion", "happy:-1"], "outside 0..1"),
        (["--au", "AU12=1.5"], "outside 0..1"),
        (["--au", "AU3=0.5"], "unknown action unit"),
        (["--text", "  "], "--text is empty"),
        (["--steps", "0"], "--steps 0"),
        (["--seed", "-1"], "--seed -1"),
        (["--face-box", "1 2 3"], "four numbers"),
        (["--face-box", "0 0 500 500"], "outside"),
        (["--grid", "--emotion", "sad"], "drop --emotion"),
        (["--emotion-guidance", "nan"], "--emotion-guidance"),
        (["--out", "nowhere/out.mp4"], "no such folder"),
        (["--out", "out.avi"], "must end in .mp4"),
        (["--audio", "missing.wav"], "no such file"),
        (["--portrait", "missing.png"], "no such file"),
        (["--emotion-audio", "missing.wav"], "no such file"),
    ],
)
def test_bad_input_is_one_line_and_no_file(world, given: list[str], said: str) -> None:
    folder, _ = world
    with pytest.raises((ValueError, OSError), match=said) as error:
        command(folder, *given)
    assert "\n" not in str(error.value)
    assert left_behind(folder) == set()


def test_an_error_or_ctrl_c_in_the_middle_leaves_nothing(world, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, network = world
    paint = network._paint
    for error in (KeyboardInterrupt, ValueError):

        def broken(*args, error=error):
            if args[-1] > 8:
                raise error("stop")
            return paint(*args)

        monkeypatch.setattr(network, "_paint", broken)
        with pytest.raises(error):
            command(folder)
        assert left_behind(folder) == set()


def test_a_network_that_stops_early_is_refused(world, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, network = world
    whole = network.animate
    monkeypatch.setattr(network, "animate", lambda *a, **k: (chunk for chunk in list(whole(*a, **k))[:-1]))
    with pytest.raises(ValueError, match="24 frames for a sound of 26"):
        command(folder)
    assert left_behind(folder) == set()


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import argparse, sys\n"
        "from moee.commands.machine import demo\n"
        "from moee.commands.making import animate\n"
        "for module in (animate, demo):\n"
        "    module.add_arguments(argparse.ArgumentParser())\n"
        "assert not {'torch', 'av', 'numpy', 'lightning'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_damaged_pictures_and_sounds_leave_a_whole_video_or_nothing(world, capsys) -> None:
    folder, _ = world
    whole = {name: (folder / name).read_bytes() for name in ("face.png", "line.wav")}
    for seed in range(3):
        for name, content in whole.items():
            (folder / name).write_bytes(damaged(content, seed))
            given = ["--portrait", str(folder / "face.png"), "--audio", str(folder / "line.wav")]
            status = cli.main(
                ["animate", *given, "--out", str(folder / "out.mp4"), "--face-box", "30 15 50 60"]
            )
            (folder / name).write_bytes(content)
            assert left_behind(folder) == (set() if status else {"out.mp4"})
            if status == 0:
                assert decoded(folder / "out.mp4")["frames"]
                (folder / "out.mp4").unlink()
            said = [line for line in capsys.readouterr().err.splitlines() if "points are guessed" not in line]
            assert len(said) == (status != 0)  # a ramp is no face, and a line says that, too


def test_portraits_are_moved_by_the_network_for_them_unless_one_is_named(world, monkeypatch) -> None:
    folder, network = world
    asked: list[object] = []

    def load(checkpoint: object, *_: object) -> LoadedGenerator:
        asked.append(checkpoint)
        return LoadedGenerator(network, Path("fake"), "0" * 64)

    monkeypatch.setattr(generator, "load_generator", load)
    assert command(folder) == 0
    assert command(folder, "--checkpoint", "generator") == 0
    assert asked == [generator.FOR_PORTRAITS, "generator"]
