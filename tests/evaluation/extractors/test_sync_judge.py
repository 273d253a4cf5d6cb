import pytest
import torch
from sync_clips import pictures, voice

from datamodules.batch import SAMPLES_PER_FRAME
from evaluation.extractors.embedded import sync_judge
from evaluation.extractors.embedded.sync_judge import (
    EMBEDDING,
    FRAMES,
    SyncJudge,
    loudness,
    mel_power,
    mouths,
)
from evaluation.extractors.interface import Listener
from evaluation.metrics import METRICS
from evaluation.metrics.sync.confidence import reach_of, shifted_distances, sync_of
from evaluation.training.sync import delayed
from moee.weights.registry import find

VIDEO, AUDIO = SyncJudge.provides


@pytest.fixture
def judge() -> SyncJudge:
    torch.manual_seed(0)
    return SyncJudge().eval()


def test_it_fits_into_a_megabyte_of_halves(judge):
    assert sum(value.numel() for value in judge.state_dict().values()) * 2 < 1_000_000


@pytest.mark.parametrize("frames", [1, 4, 5, 6, 30])
def test_windows_of_five_frames_one_apart(judge, frames):
    lips = judge.measure(pictures(frames))[VIDEO]
    sound = judge.measure_sound(voice(frames))[AUDIO]
    assert lips.shape == sound.shape == (max(frames - FRAMES + 1, 0), EMBEDDING)
    for x in (lips, sound):
        assert torch.allclose(x.norm(dim=1), torch.ones(len(x)), atol=1e-5)


def test_it_listens_and_is_marked_embedded(judge):
    assert isinstance(judge, Listener)
    assert not judge.published
    assert "embedded" in judge.name
    for name, metric in METRICS.items():
        if set(metric.needs) & set(judge.provides):
            assert name.endswith("_embedded")
            assert "embedded" in metric.title


def test_weights_return_with_their_fingerprint(judge, tmp_path):
    judge.save(tmp_path / "w.safetensors")
    loaded = SyncJudge.load(tmp_path / "w.safetensors")
    assert len(loaded.fingerprint) == 64
    assert torch.allclose(loaded.measure(pictures(8))[VIDEO], judge.measure(pictures(8))[VIDEO], atol=1e-5)


def test_a_window_sees_its_own_five_frames_and_nothing_else(judge):
    frames, sound = pictures(20), voice(20)
    changed, heard = frames.clone(), sound.clone()
    changed[10] = 255 - changed[10]
    heard[10 * SAMPLES_PER_FRAME : 11 * SAMPLES_PER_FRAME] *= -0.5
    for one, other, field in (
        (judge.measure(frames), judge.measure(changed), VIDEO),
        (judge.measure_sound(sound), judge.measure_sound(heard), AUDIO),
    ):
        moved = (one[field] - other[field]).abs().amax(1) > 1e-4
        seen = moved.nonzero()[:, 0]
        assert seen.min() >= 5, field  # a row's spectrum reaches 7.5 ms into the next frame
        assert seen.max() <= 11, field
        assert moved[6:11].all(), field


def test_pieces_and_the_whole_are_the_same(judge, monkeypatch):
    frames = pictures(23)
    whole = judge.measure(frames)[VIDEO]
    monkeypatch.setattr(sync_judge, "CHUNK", 7)
    assert torch.allclose(judge.measure(frames)[VIDEO], whole, atol=1e-5)


def test_no_gain_of_the_sound_and_no_contrast_of_the_picture_changes_it(judge):
    sound = voice(20)
    assert torch.allclose(
        judge.measure_sound(sound)[AUDIO], judge.measure_sound(sound / 50)[AUDIO], atol=1e-3
    )
    soft = (pictures(10).float() / 2 + 60).to(torch.uint8)
    likeness = (judge.measure(pictures(10))[VIDEO] * judge.measure(soft)[VIDEO]).sum(1)
    assert likeness.min() > 0.98


def test_silence_noise_free_or_damaged(judge):
    silent = judge.measure_sound(torch.zeros(20 * SAMPLES_PER_FRAME))[AUDIO]
    assert silent.isfinite().all()
    assert torch.allclose(silent, silent[:1].expand_as(silent), atol=1e-5)
    with pytest.raises(ValueError, match="finite mono sound"):
        judge.measure_sound(torch.full((6400,), float("nan")))
    with pytest.raises(ValueError, match="finite mono sound"):
        judge.measure_sound(torch.zeros(2, 6400))
    with pytest.raises(ValueError, match="expected uint8"):
        judge.measure(pictures(6).float())


def test_rows_lie_on_their_samples():
    sound = torch.zeros(10 * SAMPLES_PER_FRAME)
    sound[3 * SAMPLES_PER_FRAME + 80] = 0.5  # the middle of row 12
    power = mel_power(sound)
    assert power.shape == (40, 26)
    assert set(power.sum(1).nonzero()[:, 0].tolist()) == {11, 12, 13}  # 25 ms windows, 10 ms apart


def test_loudness_is_relative_to_the_loud_part_and_has_a_floor():
    power = torch.full((1, 10, 26), 1e-12)
    power[0, 4:6] = 2.0
    found = loudness(power)
    assert found[0, 4].mean() == pytest.approx(1, abs=1e-4)
    assert found.min() == pytest.approx(1 - 9.21 / 3, abs=0.01)
    assert torch.allclose(loudness(power * 100), found, atol=1e-4)


def test_the_mouth_is_cut_where_crops_have_it():
    frames = torch.zeros(2, 3, 256, 256, dtype=torch.uint8)
    frames[:, :, 160:180, 118:138] = 255  # the mouth of a face crop of 256 pixels
    cut = mouths(frames)
    assert cut.shape == (2, 56, 56)
    y, x = (cut[0] > 0).nonzero().float().mean(0).tolist()
    assert (x, y) == (pytest.approx(27.5, abs=1), pytest.approx(28.5, abs=1))


def test_no_shift_rests_on_less_than_half_of_the_windows():
    assert [reach_of(windows) for windows in (10, 16, 21, 30, 46)] == [5, 8, 10, 15, 15]


def test_embedded_metrics_are_the_valid_ones_under_other_names():
    g = torch.Generator().manual_seed(0)
    lips = torch.nn.functional.normalize(torch.randn(60, EMBEDDING, generator=g), dim=1)
    clips = [(lips[5:50], lips[5 + k : 50 + k]) for k in (3, -2)]
    for name, part in (("sync_c", "confidence"), ("sync_d", "distance")):
        metric = METRICS[f"{name}_embedded"]()
        for clip in clips:
            metric.update(*clip)
        each = [float(getattr(sync_of(shifted_distances(*clip, valid=True)), part)) for clip in clips]
        assert float(metric.compute()) == pytest.approx(sum(each) / 2)
    offset = METRICS["sync_offset_embedded"]()
    for clip in clips:
        offset.update(*clip)
    assert float(offset.compute()) == 2.5  # 3 one way, 2 the other
    assert offset.details(offset.sums)["clips_at_offset"] == {"-2": 1, "3": 1}
    assert METRICS["sync_offset_embedded"]().compute().isnan()
    short = METRICS["sync_c_embedded"]()
    short.update(lips[:9], lips[:9])
    assert short.compute().isnan()
    short.update(lips[:10], lips[:10])
    assert short.compute().isfinite()


@pytest.mark.slow
def test_the_shipped_judge_finds_known_delays():
    from datamodules.synthetic.clip import synthetic_clip

    judge = SyncJudge.load(find("embedded-sync"))
    clips = [synthetic_clip(920_000 + i, 40, identity=500 + i, split="test") for i in range(3)]
    for i, clip in enumerate(clips):
        lips = judge.measure(clip["frames"])[VIDEO]

        def score(sound, lips=lips):
            return sync_of(shifted_distances(lips, judge.measure_sound(sound)[AUDIO], valid=True))

        for delay in (-10, -3, 0, 3, 10):
            assert score(delayed(clip["waveform"], delay)).offset == -delay
        assert score(clips[i - 1]["waveform"]).confidence < score(clip["waveform"]).confidence
