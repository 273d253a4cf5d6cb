"""The shipped head: what is in it, and that every part of it moves as its name says."""

import numpy as np
import pytest

from datamodules.facial_actions import ACTION, FACIAL_ACTIONS
from datamodules.synthetic.head.model import FILE, REGIONS, head_model, read_model
from datamodules.synthetic.head.person import Shape
from datamodules.synthetic.head.shape import eye_centres, head_share, phenotype_weights, rest_vertices

PLAIN = Shape(0, 0, 1, 0.5, 0.3, 0, 0, (), 0, 1)


def test_what_ships():
    model = head_model()
    assert FILE.stat().st_size < 10e6
    assert "CC0 1.0" in FILE.with_name("ORIGIN.md").read_text()
    assert 5000 < len(model.template) < 6500
    assert model.actions.shape == (len(FACIAL_ACTIONS), *model.template.shape)
    assert len(model.local) >= 100
    assert set(np.unique(model.regions)) == set(range(len(REGIONS)))
    assert model.triangles.max() == len(model.template) - 1


@pytest.mark.parametrize("name", [name for name in FACIAL_ACTIONS if not name.startswith("eyeLook")])
def test_every_action_moves_something_and_its_mirror_image_the_other_side(name):
    shape = head_model().actions[ACTION[name]]
    assert np.abs(shape).max() > 0.02
    if name.endswith("Left"):
        other = head_model().actions[ACTION[name.removesuffix("Left") + "Right"]]
        assert np.abs(shape).sum() == pytest.approx(np.abs(other).sum(), rel=0.05)
        heavy = np.abs(shape).sum(1)
        assert (heavy * head_model().template[:, 0]).sum() > 0  # left is the person's left


def test_phenotype_weights_are_shares():
    weights = phenotype_weights(Shape(0.2, 0.3, 0.5, 0.7, 0.4, 0.5, -0.3, (), 0, 1))
    ancestry = sum(value for name, value in weights.items() if not name.startswith("universal"))
    universal = sum(value for name, value in weights.items() if name.startswith("universal"))
    assert ancestry == pytest.approx(1)
    assert universal == pytest.approx(1)


def test_eyes_stay_in_place_and_lips_meet():
    model = head_model()
    points = rest_vertices(PLAIN)
    np.testing.assert_allclose(
        eye_centres(model, points).mean(0), eye_centres(model, model.template).mean(0), atol=1e-4
    )
    wide = Shape(0, 0, 1, 0.5, 0.3, 0, 0, (("head-scale-horiz-decr-incr", 0.8),), 0, 1)
    assert np.ptp(rest_vertices(wide)[:, 0][model.template[:, 1] > 0.3]) > np.ptp(
        points[:, 0][model.template[:, 1] > 0.3]
    )


def test_the_head_turns_and_the_shoulders_do_not():
    model, share = head_model(), head_share(head_model())
    assert share[model.template[:, 1] > 0].min() == 1
    assert share[model.template[:, 1] < -2].max() == 0


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="head model is not there; `python -m"):
        read_model(tmp_path / "none.safetensors")
