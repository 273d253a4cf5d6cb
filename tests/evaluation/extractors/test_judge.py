import pytest
import torch
from judges import painted

from datamodules.batch import ACTION_UNITS, CLASSES, LANDMARKS
from evaluation.extractors.embedded.identity import IdentityJudge
from evaluation.extractors.embedded.judge import Judge
from evaluation.extractors.interface import Extractor

JUDGES = (Judge, IdentityJudge)


@pytest.mark.parametrize("kind", JUDGES)
def test_a_judge_is_small(kind):
    assert sum(p.numel() for p in kind().parameters()) < 1_200_000


@pytest.mark.parametrize("kind", JUDGES)
def test_weights_return_with_their_fingerprint(kind, tmp_path):
    judge = kind().eval()
    judge.save(tmp_path / "w.safetensors")
    loaded = kind.load(tmp_path / "w.safetensors")
    assert isinstance(loaded, Extractor)
    assert len(loaded.fingerprint) == 64
    assert not any(p.requires_grad for p in loaded.parameters())
    frames = painted(0)["frames"]
    for name, value in judge.measure(frames).items():
        assert torch.allclose(loaded.measure(frames)[name], value, atol=1e-5), name


@pytest.mark.parametrize("kind", JUDGES)
def test_bad_weights_give_one_line(kind, tmp_path):
    with pytest.raises(FileNotFoundError, match="weights at"):
        kind.load(tmp_path / "absent.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        kind.load(tmp_path / "w.safetensors")
    other = IdentityJudge if kind is Judge else Judge
    other().save(tmp_path / "o.safetensors")
    with pytest.raises(ValueError, match=f"does not fit {kind.__name__}"):
        kind.load(tmp_path / "o.safetensors")


def test_what_a_judge_measures():
    frames = painted(0)["frames"]
    found = Judge().eval().measure(frames)
    assert set(found) == set(Judge.provides)
    assert found["action_units"].shape == (len(frames), len(ACTION_UNITS))
    assert found["action_units"].min() >= 0
    assert found["action_units"].max() <= 1
    assert torch.allclose(found["emotion"].sum(1), torch.ones(len(frames)), atol=1e-5)
    assert found["emotion"].shape[1] == len(CLASSES)
    assert found["landmarks"].shape == (len(frames), LANDMARKS, 2)
    assert found["features"].shape[1] == 64
    identity = IdentityJudge().eval().measure(frames)["identity"]
    assert torch.allclose(identity.norm(dim=1), torch.ones(len(frames)), atol=1e-5)


def test_landmarks_follow_the_size_of_the_frames():
    judge = Judge().eval()
    frames = painted(0)["frames"]
    large = frames.repeat_interleave(2, 2).repeat_interleave(2, 3)
    small, big = judge.measure(frames)["landmarks"], judge.measure(large)["landmarks"]
    # the resize rounds nothing away here: both look at the same picture
    assert torch.allclose((big + 0.5) / 2 - 0.5, small, atol=0.5)
    with pytest.raises(ValueError, match="expected uint8"):
        judge.measure(frames.float())


def test_the_frechet_distance_takes_what_the_judge_gives() -> None:
    from evaluation.metrics.sets.frechet import EmbeddedFid

    features = Judge().eval().measure(torch.zeros(2, 3, 128, 128, dtype=torch.uint8))["features"]
    metric = EmbeddedFid()
    metric.update(features, features)
    assert float(metric.compute()) == pytest.approx(0, abs=1e-6)
