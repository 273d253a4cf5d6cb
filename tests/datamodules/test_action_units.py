import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datamodules.action_units import (
    BLENDSHAPES,
    ME_GRAPHAU_BP4D,
    ME_GRAPHAU_DISFA,
    PROTOTYPES,
    TOOLS,
    from_blendshapes,
    parse_action_units,
    prototype,
    prototype_matrix,
    tonic,
)
from datamodules.batch import ACTION_UNITS, COMPOUNDS, EMOTIONS, parse_blend

BLENDSHAPE_NAMES = {name for names, _ in BLENDSHAPES.values() for name in names} | {
    "mouthClose",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "_neutral",
}


def test_prototypes_of_the_seven_classes_lie_far_apart():
    points = torch.cat([prototype_matrix(), torch.zeros(1, len(ACTION_UNITS))])
    distances = torch.cdist(points, points) + 10 * torch.eye(len(points))
    assert list(PROTOTYPES) == list(EMOTIONS)
    assert distances.min() > 0.9


def test_prototype_scales_with_intensity_and_unites_compounds():
    happy = prototype(parse_blend("happy"))
    torch.testing.assert_close(prototype(parse_blend("happy:0.5")), happy / 2)
    both = torch.stack([happy, prototype(parse_blend("surprise"))]).amax(0)
    torch.testing.assert_close(prototype(parse_blend("happily_surprised")), both)
    assert prototype(torch.zeros(2, 3, 6)).shape == (2, 3, len(ACTION_UNITS))
    assert prototype(torch.zeros(6)).abs().sum() == 0


@pytest.mark.parametrize("name", COMPOUNDS)
def test_a_compound_is_nearer_to_its_parts_than_to_other_emotions(name):
    face = prototype(parse_blend(name))
    similarity = torch.cosine_similarity(prototype_matrix(), face[None])
    parts = [EMOTIONS.index(part) for part in COMPOUNDS[name]]
    others = [index for index in range(len(EMOTIONS)) if index not in parts]
    if name == "sadly_surprised":  # the units of both together are nearly those of fear: known of these faces
        others.remove(EMOTIONS.index("fear"))
    if name == "happily_surprised":
        others.remove(EMOTIONS.index("fear"))
    assert similarity[parts].min() > similarity[others].max()


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_prototypes_stay_in_range(weights):
    blend = torch.tensor(weights)
    face = prototype(blend / blend.sum().clamp(min=1))
    assert (face >= 0).all()
    assert (face <= 1).all()


def test_tonic_keeps_the_expression_and_drops_the_speech():
    frames = torch.arange(100)
    track = torch.zeros(100, len(ACTION_UNITS))
    track[:, ACTION_UNITS.index(12)] = 0.7
    track[:, ACTION_UNITS.index(25)] = 0.3 + 0.6 * (torch.sin(frames / 2) > 0)
    held = tonic(track)
    assert held.shape == track.shape
    torch.testing.assert_close(held[:, ACTION_UNITS.index(12)], track[:, ACTION_UNITS.index(12)])
    torch.testing.assert_close(held[:, ACTION_UNITS.index(25)], torch.full((100,), 0.3))
    assert tonic(track[None, :4]).shape == (1, 4, len(ACTION_UNITS))
    with pytest.raises(ValueError, match="positive odd"):
        tonic(track, 24)


def test_specs_are_parsed():
    units = parse_action_units(" au12=0.8, AU06=0.5")
    assert units[ACTION_UNITS.index(12)] == pytest.approx(0.8)
    assert units[ACTION_UNITS.index(6)] == pytest.approx(0.5)
    assert units.count_nonzero() == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("AU13=0.5", "did you mean AU1"),
        ("smile=0.5", "unknown action unit"),
        ("", "unknown action unit"),
        ("AU12=1.5", r"outside 0\.\.1"),
        ("AU12=-0.1", r"outside 0\.\.1"),
        ("AU12=nan", r"outside 0\.\.1"),
        ("AU12=much", "not a number"),
        ("AU12", "write AU12=0.8"),
    ],
)
def test_bad_specs_get_one_clear_line(spec, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_action_units(spec)
    assert "\n" not in str(caught.value)


def test_blendshapes_map_to_units():
    scores = dict.fromkeys(BLENDSHAPE_NAMES, 0.0)
    smile = scores | {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.6}
    assert from_blendshapes(smile)[ACTION_UNITS.index(12)] == pytest.approx(0.7)
    assert from_blendshapes(smile).count_nonzero() == 1
    shut_jaw = scores | {"jawOpen": 0.4, "mouthClose": 0.8}
    assert from_blendshapes(shut_jaw)[ACTION_UNITS.index(25)] == 0
    with pytest.raises(ValueError, match="jawOpen"):
        from_blendshapes({name: 0.0 for name in BLENDSHAPE_NAMES - {"jawOpen"}})


def test_columns_of_other_tools_are_units_of_ours():
    for columns in TOOLS.values():
        assert set(columns.values()) <= set(ACTION_UNITS)
    assert sorted(ME_GRAPHAU_DISFA.values()) == [1, 2, 4, 6, 9, 12, 25, 26]
    assert set(ME_GRAPHAU_BP4D.values()) & set(ME_GRAPHAU_DISFA.values()) == {1, 2, 4, 6, 12}
