import pytest
import torch
from judges import painted

from datamodules.batch import ACTION_UNITS, CLASSES, LANDMARKS, collate, parse_blend
from datamodules.head_motion import lip_opening
from evaluation.extractors.embedded.identity import IdentityJudge
from evaluation.extractors.embedded.judge import Judge
from evaluation.extractors.interface import Extractor
from evaluation.training.augment import quantise, shift, spoil
from evaluation.training.identity import IdentityTraining, contrastive_loss
from evaluation.training.judge import JudgeTraining, judge_losses, picture_targets

JUDGES = (Judge, IdentityJudge)


@pytest.fixture
def batch():
    samples = [painted(i, person=i) for i in range(3)]
    for i, sample in enumerate(samples):
        generator = torch.Generator().manual_seed(i)
        sample["landmarks"] = torch.rand(len(sample["frames"]), LANDMARKS, 2, generator=generator) * 100
    del samples[1]["blend"]
    return collate(samples)


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


def test_only_known_truth_is_learned(batch):
    _, target, present = picture_targets(batch)
    frames = batch["frames"].shape[1]
    assert present["emotion"].tolist() == [1.0] * frames + [0.0] * frames + [1.0] * frames
    assert torch.allclose(target["lip_opening"][:frames], lip_opening(batch["landmarks"][0]))
    assert target["emotion"][0].argmax() == CLASSES.index("happy")
    found = {name: value.clone().requires_grad_() for name, value in target.items()}
    judge_losses(found, target, present)["emotion"].backward()
    assert found["emotion"].grad[:frames].abs().sum() > 0
    assert found["emotion"].grad[frames : 2 * frames].abs().sum() == 0


def test_points_move_with_the_picture():
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    points = torch.rand(8, 1, 2, generator=torch.Generator().manual_seed(0)) * 60 + 34
    spots = torch.exp(-((x - points[..., :1, None][:, 0]) ** 2 + (y - points[:, 0, 1, None, None]) ** 2) / 8)
    moved, there = shift(spots[:, None].expand(-1, 3, -1, -1), points, degrees=15, scale=0.1, move=0.08)
    weight = moved[:, 0] / moved[:, 0].sum((1, 2), keepdim=True)
    found = torch.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], -1)
    assert (there[:, 0] - points[:, 0]).norm(dim=1).max() > 1
    assert torch.allclose(found, there[:, 0], atol=0.1)


def test_faults_are_mild():
    picture = torch.rand(16, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 0.2
    spoiled = spoil(picture)
    assert spoiled.shape == picture.shape
    assert spoiled.min() >= -1
    assert spoiled.max() <= 1
    assert (spoiled - picture).abs().mean() < 0.3
    assert (quantise(picture, strongest=0.0101) - picture).abs().mean() < 0.1


def test_people_are_pulled_together_and_apart():
    person = torch.tensor([0, 0, 1, 1])
    apart = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]]), dim=1)
    mixed = apart[[0, 2, 1, 3]]
    assert contrastive_loss(apart, person) < contrastive_loss(mixed, person)
    alone = contrastive_loss(apart.requires_grad_(), torch.arange(4))
    assert alone.item() == 0
    alone.backward()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [JudgeTraining, IdentityTraining])
def test_training_lowers_the_loss_and_reaches_every_parameter(kind, batch):
    torch.manual_seed(0)
    module = kind()
    seen = {}
    module.log_dict = lambda values, **_: seen.update(values)
    module.log = lambda name, value, **_: seen.update({name: value})
    optimizer = torch.optim.AdamW(module.parameters(), 2e-3)
    losses = []
    for _ in range(6):
        loss = module.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(p.grad is not None for p in module.parameters())
    assert min(losses[-3:]) < losses[0]
    module.eval()
    module.validation_step(batch, 0)
    assert all(torch.isfinite(torch.as_tensor(value)).all() for value in seen.values())


def test_blend_of_a_neutral_clip_trains_neutral():
    sample = painted(2)
    assert sample["blend"].sum() == 0
    _, target, _ = picture_targets(collate([sample]))
    assert target["emotion"][0].argmax() == CLASSES.index("neutral")
    assert parse_blend("neutral").sum() == 0


def test_the_frechet_distance_takes_what_the_judge_gives() -> None:
    from evaluation.metrics.sets.frechet import EmbeddedFid

    features = Judge().eval().measure(torch.zeros(2, 3, 128, 128, dtype=torch.uint8))["features"]
    metric = EmbeddedFid()
    metric.update(features, features)
    assert float(metric.compute()) == pytest.approx(0, abs=1e-6)
