"""Both videos of a pair are cut where the true one shows its face; videos of any shape can be judged."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import PROTOCOL, judges, painted
from places import SHARED
from torch import Tensor

from datamodules.faces.crop import FaceFinder
from datamodules.faces.track import clip_square
from datamodules.media.reading import read_video
from evaluation.clips.floors import ceiling_and_floors
from evaluation.clips.pair import Pair
from evaluation.clips.pairing import generated_pairs
from evaluation.clips.samples import clips_of_samples
from evaluation.evaluate import evaluate_pairs
from evaluation.extractors.faces.square import FaceSquare
from evaluation.measuring.feature_cache import FeatureCache
from evaluation.measuring.preparation import Preparation, face_crops
from evaluation.protocol import Protocol, load_protocol
from evaluation.results.result import Result
from evaluation.runtime.devices import CPU, Workplace
from moee import cli
from moee.generation.video_writer import write_video
from moee.judging import protocols as command

MODEL = SHARED / "weights" / "face_landmarker_v2_with_blendshapes.task"
CLIP = SHARED / "data" / "clips" / "cremad_1001_DFA_HAP_XX.mp4"  # 360 x 360
HEIGHT, WIDTH, SIZE = 90, 161, 64
SQUARE = (70, 20, 50)


class ToldSquare:
    """Finds the square it is told, and counts the clips it looks at."""

    name, published, fingerprint, provides = "told-square", True, "d" * 64, ("face_square",)

    def __init__(self, square: tuple[int, int, int] | None = SQUARE) -> None:
        self.square, self.calls = square, 0

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        if self.square is None:
            raise ValueError(f"no face in {len(frames_F3HW)} of {len(frames_F3HW)} frames")
        return {"face_square": torch.tensor(self.square)}


def waves(height: int = HEIGHT, width: int = WIDTH, frames: int = 6, seed: int = 0) -> Tensor:
    """Slow waves of colour (F, 3, H, W) uint8, so that resizing loses little."""
    low = torch.rand(frames, 3, 5, 8, generator=torch.Generator().manual_seed(seed))
    high = torch.nn.functional.interpolate(low, (height, width), mode="bicubic")
    return (high.clamp(0, 1) * 255).to(torch.uint8)


def protocol() -> Protocol:
    plain = load_protocol(PROTOCOL)
    prepared = dict(plain.preprocessing) | {"size": SIZE, "face_crop": "reference"}
    return replace(
        plain, metrics=("psnr", "ssim"), extractors={"face": "told-square"}, preprocessing=prepared
    )


class OwnSquare(ToldSquare):
    """Finds one square in dark clips and another in bright ones."""

    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        return {"face_square": torch.tensor(SQUARE if frames_F3HW.float().mean() < 128 else (5, 5, 40))}


def test_a_floor_that_shows_another_clip_is_cut_by_that_clips_face() -> None:
    dark, bright = waves() // 2, 255 - waves(seed=1) // 2
    cache = FeatureCache(None, Workplace(CPU, []))
    preparation = Preparation(protocol().preprocessing, [OwnSquare()], cache)
    pair = Pair("c", "a", bright, {"frames": dark})
    for own, square in ((False, SQUARE), (True, (5, 5, 40))):
        found = preparation.of_generated(replace(pair, own_face=own))(bright)
        assert torch.equal(found, face_crops(bright, square, (HEIGHT, WIDTH), SIZE))
    samples = [{"key": key, "identity": key, "frames": x} for key, x in (("a", dark), ("b", bright))]
    clips = clips_of_samples(samples)  # type: ignore[arg-type]
    for name, _, make in ceiling_and_floors(clips):
        assert [p.own_face for p in generated_pairs(clips, make)] == [name == "shuffled clips"] * 2


def scored(made: Tensor, true: Tensor, finder: ToldSquare | None = None, **options: object) -> Result:
    pairs = [Pair("c", "a", made, {"frames": true, "file": "c.webm"})]
    return evaluate_pairs(pairs, protocol(), extractors=[finder or ToldSquare()], **options)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(20, 70),
    width=st.integers(20, 70),
    left=st.integers(-40, 60),
    top=st.integers(-40, 60),
    side=st.integers(2, 90),
)
def test_any_square_of_any_picture_is_that_of_the_picture_continued(height, width, left, top, side):
    frames = waves(height, width, frames=2)
    found = face_crops(frames, (left, top, side), (height, width), side)
    assert found.shape == (2, 3, side, side)
    padded = torch.nn.functional.pad(frames.float(), (130,) * 4, mode="replicate").to(torch.uint8)
    wanted = padded[:, :, top + 130 : top + 130 + side, left + 130 : left + 130 + side]
    assert torch.equal(found, wanted)
    assert face_crops(frames, (left, top, side), (height, width), 24).shape == (2, 3, 24, 24)


def test_a_video_of_another_size_is_scaled_to_the_true_one_first():
    true = waves()
    wanted = face_crops(true, SQUARE, (HEIGHT, WIDTH), SIZE)
    for height, width in ((180, 322), (45, 80)):
        made = torch.nn.functional.interpolate(
            true.float(), (height, width), mode="bilinear", antialias=True
        ).to(torch.uint8)
        found = face_crops(made, SQUARE, (HEIGHT, WIDTH), SIZE)
        assert (found.float() - wanted.float()).abs().mean() < 2


def test_a_face_elsewhere_and_a_larger_one_are_seen():
    true = torch.zeros(1, 3, HEIGHT, WIDTH, dtype=torch.uint8)
    true[..., 30:50, 80:100] = 200
    moved = true.roll((5, 10), (-2, -1))
    larger = true.clone()
    larger[..., 25:55, 75:105] = 200

    def seen(video: Tensor) -> tuple[int, int, int, int]:
        rows, columns = (face_crops(video, SQUARE, (HEIGHT, WIDTH), 100)[0, 0] > 100).nonzero(as_tuple=True)
        return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1

    assert seen(true) == (20, 60, 20, 60)  # twice the size: 50 pixels become 100
    assert seen(moved) == (30, 70, 40, 80)
    assert seen(larger) == (10, 70, 10, 70)


def test_videos_of_any_shape_go_the_whole_way():
    true = waves()
    assert scored(true, true).rows[0].values["psnr"] == 100
    assert scored(true.roll(6, -1), true).rows[0].values["psnr"] < 35
    outside = true.clone()
    outside[..., : SQUARE[0]] = 0  # what lies beside the face is not compared
    assert scored(outside, true).rows[0].values["psnr"] == 100
    upright = waves(300, 201)
    assert scored(upright, upright, ToldSquare((-9, 20, 240))).rows[0].values["ssim"] == pytest.approx(1)


def test_other_shapes_and_missing_faces_are_rows_that_say_so():
    other = scored(waves(64, 64), waves()).rows[0].problem
    assert "the video is 64 x 64, the true one 161 x 90: its face is cut where the true one is" in other
    faceless = scored(waves(), waves(), ToldSquare(None)).rows[0]
    assert faceless.problem == "the true clip c.webm: no face in 6 of 6 frames"
    assert not faceless.values
    empty = scored(waves()[:0], waves()).rows[0].problem
    assert empty == "the video has no frames"


def test_the_reference_picture_is_cut_too():
    seen = []

    class Identity:
        name, published, fingerprint, provides = "who", False, "e" * 64, ("identity",)

        def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
            seen.append(frames_F3HW)
            return {"identity": frames_F3HW.float().mean((-1, -2)) + 1}

    true = waves()
    asked = replace(protocol(), metrics=("csim_reference",))
    pair = Pair("c", "a", true, {"frames": true, "reference": true[2]})
    result = evaluate_pairs([pair], asked, extractors=[ToldSquare(), Identity()])
    assert not result.rows[0].problem
    assert torch.equal(seen[-1], face_crops(true[2:3], SQUARE, (HEIGHT, WIDTH), SIZE))


def test_a_face_is_looked_for_once_and_remembered_by_content(tmp_path):
    finder, again = ToldSquare(), ToldSquare()
    first = scored(waves(), waves(), finder, cache=tmp_path)
    second = scored(waves(seed=1), waves(), again, cache=tmp_path)  # another system, the same true clip
    assert (finder.calls, again.calls) == (1, 0)
    assert first.extractors["told-square"]["sha256"] == "d" * 64
    assert second.rows[0].values["psnr"] < 40


def test_a_protocol_says_how_it_cuts(tmp_path):
    with pytest.raises(ValueError, match="face_crop needs a network that finds the face: name face-square"):
        evaluate_pairs([], replace(protocol(), extractors={}))
    text = PROTOCOL.read_text().replace("preprocessing: {", "preprocessing: {face_crop: own, ")
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"p.yaml: preprocessing.face_crop is 'own', allowed are reference"):
        load_protocol(tmp_path / "p.yaml")
    plain = load_protocol(PROTOCOL)
    assert "face_crop" not in plain.preprocessing  # and so not in its hash
    assert replace(plain, preprocessing=protocol().preprocessing).digest != plain.digest


def test_the_command_names_the_protocols_that_cut(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "load_extractors", lambda *_: judges())
    for folder, wide in (("made", 2), ("true", 2)):
        (tmp_path / folder).mkdir()
        for name, parts in (("square", 1), ("wide", wide)):
            frames = torch.cat([painted(0)["frames"]] * parts, -1)
            write_video(tmp_path / folder / f"{name}.mp4", frames)
    words = ["evaluate", "--generated", str(tmp_path / "made"), "--reference", str(tmp_path / "true")]
    assert cli.main([*words, "--protocol", str(PROTOCOL), "--out", str(tmp_path / "r.json")]) == 0
    said = capsys.readouterr().out
    assert "1 videos are not square; the face is cut out by --protocol embedded-v3" in said


needs_mediapipe = [
    pytest.mark.mediapipe,
    pytest.mark.weights,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (MODEL.is_file() and CLIP.is_file()), reason="the face landmarker or real clips are not here"
    ),
]


@pytest.fixture(scope="module")
def real_clip() -> Tensor:
    return read_video(CLIP).frames[:40:5]


class TestRealClips:
    pytestmark = needs_mediapipe

    def test_borders_move_the_square_and_change_no_number(self, real_clip):
        finder = FaceSquare(MODEL)
        wide = torch.nn.functional.pad(real_clip, (140, 101, 30, 9), value=0)
        left, top, side = finder.measure(real_clip)["face_square"].tolist()
        moved = finder.measure(wide)["face_square"] - torch.tensor([140, 30, 0])
        assert 200 < side < 500
        assert (moved - torch.tensor([left, top, side])).abs().max() <= 4
        asked = replace(protocol(), extractors={"face": finder.name})
        worse = (real_clip.float() * 0.9 + 5).to(torch.uint8)
        worse_wide = torch.nn.functional.pad(worse, (140, 101, 30, 9), value=0)
        pairs = [
            Pair("same", "a", wide, {"frames": wide}),
            Pair("square", "a", worse, {"frames": real_clip}),
            Pair("wide", "a", worse_wide, {"frames": wide}),
        ]
        rows = {row.key: row.values for row in evaluate_pairs(pairs, asked, extractors=[finder]).rows}
        assert rows["same"] == {"psnr": 100, "ssim": pytest.approx(1)}
        assert rows["wide"]["psnr"] == pytest.approx(rows["square"]["psnr"], abs=0.5)
        assert rows["wide"]["ssim"] == pytest.approx(rows["square"]["ssim"], abs=0.01)

    def test_no_face_and_two_faces_are_said(self, real_clip):
        finder = FaceSquare(MODEL)
        with pytest.raises(ValueError, match="no face in 2 of 2 frames"):
            finder.measure(torch.zeros(2, 3, 120, 200, dtype=torch.uint8))
        with pytest.raises(ValueError, match="two faces in 2 of 2 frames; give true clips of one person"):
            finder.measure(torch.cat([real_clip[:2], real_clip[:2]], -1))

    def test_it_is_the_square_that_prepare_cuts(self, real_clip):
        from datamodules.faces.track import track_face

        with FaceFinder(MODEL) as finder:
            square = clip_square(track_face(finder, list(real_clip)), 360, 360)
        assert FaceSquare(MODEL).measure(real_clip)["face_square"].tolist() == list(square)


def test_a_missing_landmarker_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no face landmarker at .*: run `moee weights fetch face"):
        FaceSquare(tmp_path / "none.task")
