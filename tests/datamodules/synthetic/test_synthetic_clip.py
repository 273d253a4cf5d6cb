import numpy as np
import pytest
import torch

from datamodules.batch import ACTION_UNITS, OPTIONAL_TENSORS, check_blend, collate, parse_blend
from datamodules.synthetic.clip import IDENTITIES, Shares, random_blend, synthetic_clip, synthetic_voice


def test_a_clip_keeps_the_contract():
    clip = synthetic_clip(3, frames=12, size=64, blend=parse_blend("happy:0.8"))
    assert clip["frames"].shape == (12, 3, 64, 64)
    assert clip["frames"].dtype == torch.uint8
    assert clip["reference"].shape == (3, 64, 64)
    assert clip["waveform"].shape == (12 * 640,)
    assert clip["action_units"].shape == (12, len(ACTION_UNITS))
    assert clip["landmarks"].shape == (12, 68, 2)
    assert clip["mouth_mask"].shape == (12, 64, 64)
    assert clip["mouth_mask"].dtype == torch.bool
    assert clip["head_motion"].shape == (12, 7)
    assert clip["head_motion"].abs().max() < 2
    assert clip["label"] == "happy"
    assert clip["text"]
    assert set(clip["provenance"]) == {*OPTIONAL_TENSORS, "label", "text"} - {"regions"}
    assert set(clip["provenance"].values()) == {"synthetic"}


def test_brows_and_mouth_may_show_different_emotions():
    regions = torch.stack([parse_blend("angry"), parse_blend("happy:0.8")])
    clip = synthetic_clip(3, frames=5, size=64, blend=regions)
    assert torch.equal(clip["regions"], regions)
    torch.testing.assert_close(clip["blend"], regions.mean(0))
    assert "text" not in clip
    units = dict(zip(ACTION_UNITS, clip["action_units"].mean(0).tolist(), strict=True))
    assert min(units[4], units[7], units[12]) > 0.3
    assert max(units[6], units[23]) < 0.2  # a smile's cheeks and an angry mouth are the other halves
    batch = collate([clip, synthetic_clip(4, 5, 64, blend=parse_blend("sad"))])
    assert batch["present"]["regions"].tolist() == [True, False]


def test_shares_decide_what_random_clips_show():
    rng = np.random.default_rng(0)
    only = Shares(neutral=0.0, basic=0.0, mixed=0.0, regional=1.0)
    drawn = [random_blend(rng, only) for _ in range(40)]
    assert all(each is not None and each.shape == (2, 6) for each in drawn)
    mixed = Shares(neutral=0.0, basic=0.0, mixed=1.0, held_out=("happy+surprise", "sad+fear"))
    for _ in range(200):
        blend = random_blend(rng, mixed)
        assert blend is not None
        assert not (blend[0] > 0 and blend[5] > 0)
        assert not (blend[1] > 0 and blend[4] > 0)
    with pytest.raises(ValueError, match="a sum of at most 1"):
        Shares(neutral=0.5, basic=0.6)
    with pytest.raises(ValueError, match="held_out pair 'happy\\+glee'"):
        Shares(held_out=("happy+glee",))


def test_clips_collate():
    units = torch.zeros(len(ACTION_UNITS))
    clips = [
        synthetic_clip(1, 5, 64, blend=parse_blend("sad")),
        synthetic_clip(2, 5, 64, action_units=units, reference="any", randomisation=0.5),
    ]
    batch = collate(clips)
    assert batch["present"]["blend"].tolist() == [True, False]
    assert batch["present"]["text"].tolist() == [True, False]
    assert batch["present"]["action_units"].all()
    assert "label" not in clips[1]


def test_the_same_seed_gives_the_same_clip():
    one, two = synthetic_clip(11, 5, 64, reference="any"), synthetic_clip(11, 5, 64, reference="any")
    assert one.keys() == two.keys()
    for name, value in one.items():
        same = torch.equal(value, two[name]) if isinstance(value, torch.Tensor) else value == two[name]
        assert same, name
    assert not torch.equal(one["waveform"], synthetic_clip(12, 5, 64)["waveform"])


def test_splits_have_disjoint_people():
    ranges = list(IDENTITIES.values())
    assert all(a.stop <= b.start or b.stop <= a.start for a in ranges for b in ranges if a is not b)
    assert synthetic_clip(0, 5, 64, identity=4)["identity"] == "synthetic-4"
    held_out = synthetic_clip(0, 5, 64, identity=4, split="test")
    assert held_out["identity"] == f"synthetic-{IDENTITIES['test'].start + 4}"
    assert synthetic_voice(0, 5, split="validation").speaker in IDENTITIES["validation"]


def test_random_blends_cover_what_they_should():
    rng = np.random.default_rng(0)
    blends = [random_blend(rng) for _ in range(2000)]
    felt = torch.stack([blend for blend in blends if blend is not None])
    check_blend(felt)
    kinds = (felt > 0).sum(-1)
    shares = [len(felt[kinds == count]) / len(blends) for count in (0, 1, 2)]
    np.testing.assert_allclose(shares, [0.12, 0.58, 0.20], atol=0.04)
    assert felt[kinds == 1].sum(-1).min() >= 0.4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": "smiling"}, "allowed are neutral, any"),
        ({"split": "dev"}, "allowed are train, validation, test"),
        ({"identity": -1}, "identity -1"),
        ({"blend": torch.full((6,), 0.5)}, "at most 1 is allowed"),
        ({"frames": 1}, "at least 5"),
    ],
)
def test_bad_arguments_get_one_clear_line(options, message):
    with pytest.raises(ValueError, match=message):
        synthetic_clip(0, **{"frames": 5, "size": 64, **options})
