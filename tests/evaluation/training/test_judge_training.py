"""How the judge of expression and the judge of identity learn."""

import pytest
import torch
from judges import painted
from short_training import train_briefly

from datamodules.batch import CLASSES, LANDMARKS, collate, parse_blend
from datamodules.head_motion import lip_opening
from evaluation.training.identity import IdentityTraining, contrastive_loss
from evaluation.training.judge import HuberScales, JudgeTraining, judge_losses, picture_targets


@pytest.fixture
def batch():
    samples = [painted(i, person=i) for i in range(3)]
    for i, sample in enumerate(samples):
        generator = torch.Generator().manual_seed(i)
        sample["landmarks"] = torch.rand(len(sample["frames"]), LANDMARKS, 2, generator=generator) * 100
    del samples[1]["blend"]
    return collate(samples)


def test_only_known_truth_is_learned(batch):
    _, target, present = picture_targets(batch)
    frames = batch["frames"].shape[1]
    assert present["emotion"].tolist() == [1.0] * frames + [0.0] * frames + [1.0] * frames
    assert torch.allclose(target["lip_opening"][:frames], lip_opening(batch["landmarks"][0]))
    assert target["emotion"][0].argmax() == CLASSES.index("happy")
    found = {name: value.clone().requires_grad_() for name, value in target.items()}
    judge_losses(found, target, present, HuberScales())["emotion"].backward()
    assert found["emotion"].grad[:frames].abs().sum() > 0
    assert found["emotion"].grad[frames : 2 * frames].abs().sum() == 0


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
    losses, logged = train_briefly(kind(), batch, 6)
    assert min(losses[-3:]) < losses[0]
    assert all(torch.isfinite(torch.as_tensor(value)).all() for value in logged.values())


def test_blend_of_a_neutral_clip_trains_neutral():
    sample = painted(2)
    assert sample["blend"].sum() == 0
    _, target, _ = picture_targets(collate([sample]))
    assert target["emotion"][0].argmax() == CLASSES.index("neutral")
    assert parse_blend("neutral").sum() == 0
