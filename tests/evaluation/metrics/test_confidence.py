import numpy as np
import pytest
import torch

from evaluation.metrics import METRICS, SyncConfidence, SyncDistance, SyncOffset
from evaluation.metrics.sync.confidence import REACH, shifted_distances, sync_of


def tokens(windows: int, ahead: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors at right angles; sound window j carries the token of video window j + `ahead`."""
    base = torch.eye(windows + 40, dtype=torch.float64)
    return base[20 : 20 + windows], base[20 + ahead : 20 + ahead + windows]


def seeded(seed: int, windows: int, noise: float, ahead: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((windows + 20, 1024))
    video = base[10 : 10 + windows] + noise * rng.standard_normal((windows, 1024))
    audio = base[10 + ahead : 10 + ahead + windows] + noise * rng.standard_normal((windows, 1024))
    return torch.from_numpy(video), torch.from_numpy(audio)


@pytest.mark.parametrize(
    ("ahead", "distance", "confidence"),
    [(0, 0, 1.3589850874), (3, 0.05, 1.3089850874), (-4, 0.0666666667, 1.2923184207)],
)
def test_closed_form(ahead, distance, confidence):
    found = sync_of(shifted_distances(*tokens(60, ahead), epsilon=0))
    assert found.offset.item() == ahead
    assert found.distance.item() == pytest.approx(distance, abs=1e-10)
    assert found.confidence.item() == pytest.approx(confidence, abs=1e-10)
    anchor = sync_of(shifted_distances(*tokens(60, ahead)))
    assert anchor.confidence.item() == pytest.approx(confidence, abs=4e-5)
    assert anchor.confidence.item() != pytest.approx(confidence, abs=1e-7)  # its 1e-6 shows


def test_every_shift_in_closed_form():
    windows, ahead = 60, 3
    shift = torch.arange(-REACH, REACH + 1).double()
    apart = (shift != -ahead).double() * 2**0.5
    wanted = (shift.abs() + (windows - shift.abs()) * apart) / windows
    found = shifted_distances(*tokens(windows, ahead), epsilon=0)
    assert found.tolist() == pytest.approx(wanted.tolist(), abs=1e-12)
    valid = shifted_distances(*tokens(windows, ahead), epsilon=0, valid=True)
    assert valid.tolist() == pytest.approx(apart.tolist(), abs=1e-12)


def test_the_seeded_case():
    distances = shifted_distances(*seeded(31, 75, 1.0, 2))
    found = sync_of(distances)
    assert found.offset.item() == 2
    assert found.distance.item() == pytest.approx(45.32808886, abs=1e-7)
    assert found.confidence.item() == pytest.approx(16.59896742, abs=1e-7)
    assert distances.mean().item() == pytest.approx(61.43592, abs=1e-4)


def test_the_anchor_step_by_step():
    video, audio = seeded(5, 9, 1.0, 1)  # shorter than the reach: some shifts meet nothing but padding
    padded = torch.nn.functional.pad(audio, (0, 0, REACH, REACH))
    rows = [
        torch.nn.functional.pairwise_distance(video[i].expand(31, -1), padded[i : i + 31]) for i in range(9)
    ]
    wanted = torch.stack(rows, 1).mean(1)
    assert shifted_distances(video, audio).tolist() == pytest.approx(wanted.tolist(), rel=1e-12)


@pytest.mark.parametrize("frames", [-6, 0, 5])
def test_moving_the_sound_moves_the_offset_as_far(frames):
    video, audio = seeded(2, 90, 1.0, 0)
    start = 20
    moved = audio[start + frames : start + frames + 50]
    for valid in (False, True):
        found = sync_of(shifted_distances(video[start : start + 50], moved, valid=valid))
        assert found.offset.item() == frames


def test_shuffled_and_silent_speech_score_lower():
    video, audio = seeded(3, 75, 1.0, 0)
    order = torch.randperm(75, generator=torch.Generator().manual_seed(0))
    clear, mixed, silent = (
        sync_of(shifted_distances(video, z)).confidence.item()
        for z in (audio, audio[order], torch.zeros_like(audio))
    )
    assert mixed < clear / 4
    assert silent == pytest.approx(0, abs=1e-9)


def test_the_padding_bias_of_short_clips():
    distances = {}
    for windows in (20, 300):
        for valid in (False, True):
            edge = shifted_distances(*seeded(4, windows, 1.0, 0), valid=valid)[[0, -1]].mean()
            distances[windows, valid] = edge.item()
    assert distances[20, True] == pytest.approx(distances[300, True], rel=0.03)  # ten pairs
    assert distances[20, False] < 0.85 * distances[300, False]


def test_a_metric_scores_each_clip_and_averages():
    clips = [seeded(s, n, 1.0, k) for s, n, k in ((1, 40, 2), (2, 60, -1))]
    each = [sync_of(shifted_distances(*clip)) for clip in clips]
    for kind, part in ((SyncConfidence, "confidence"), (SyncDistance, "distance"), (SyncOffset, "offset")):
        metric = kind()
        for clip in clips:
            metric.update(*clip)
        wanted = sum(getattr(found, part).item() for found in each) / 2
        assert metric.compute().item() == pytest.approx(wanted)
        assert metric.details(metric.sums)["clips_scored"] == 2
    assert metric.details(metric.sums)["clips_at_offset"] == {"-1": 1, "2": 1}
    assert metric.details(metric.sums)["mean_absolute"] == pytest.approx(1.5)


def test_the_longer_side_is_cut_as_the_anchor_does():
    video, audio = seeded(1, 60, 1.0, 2)
    whole, cut = SyncDistance(), SyncDistance()
    whole.update(video[:50], audio[:50])
    cut.update(video[:50], audio)
    assert cut.compute() == whole.compute()


def test_too_short_clips_have_no_value_and_do_not_count():
    fewest = {"sync_c": 1, "sync_d": 1, "sync_offset": 1, "sync_c_valid": 16, "sync_d_valid": 16}
    for name, enough in fewest.items():
        metric = METRICS[name]()
        metric.update(*seeded(1, enough - 1, 1.0, 0))
        assert metric.compute().isnan(), name
        assert metric.details(metric.sums)["clips_scored"] == 0
        metric.update(*seeded(1, enough, 1.0, 0))
        assert metric.compute().isfinite(), name
    with pytest.raises(ValueError, match="at least 16 windows, got 15"):
        shifted_distances(*seeded(1, REACH, 1.0, 0), valid=True)
    with pytest.raises(ValueError, match="sync features"):
        shifted_distances(torch.zeros(4, 8), torch.zeros(5, 8))
