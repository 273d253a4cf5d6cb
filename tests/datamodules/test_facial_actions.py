"""Units to actions and back."""

import pytest
import torch

from datamodules.action_units import BLENDSHAPES
from datamodules.batch import ACTION_UNITS
from datamodules.facial_actions import (
    ACTION,
    FACIAL_ACTIONS,
    UNIT_ACTIONS,
    actions_from_units,
    units_from_actions,
)


def test_names_are_the_52_of_mediapipe():
    assert len(FACIAL_ACTIONS) == len(set(FACIAL_ACTIONS)) == 52
    assert {name for names, _ in BLENDSHAPES.values() for name in names} <= set(FACIAL_ACTIONS)
    assert set(UNIT_ACTIONS) == set(ACTION_UNITS)


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_a_unit_is_read_back_from_the_actions_it_sets(unit):
    units = torch.zeros(2, len(ACTION_UNITS))
    units[:, ACTION_UNITS.index(unit)] = torch.tensor([0.4, 1.0])
    read = units_from_actions(actions_from_units(units))
    torch.testing.assert_close(read[:, ACTION_UNITS.index(unit)], units[:, ACTION_UNITS.index(unit)])
    others = [i for i, other in enumerate(ACTION_UNITS) if other not in {unit, 25}]
    assert not read[:, others].any()


def test_one_side_is_half_a_unit_and_closed_lips_do_not_part():
    actions = torch.zeros(2, len(FACIAL_ACTIONS))
    actions[0, ACTION["mouthSmileLeft"]] = 1
    actions[1, ACTION["jawOpen"]] = 0.6
    actions[1, ACTION["mouthClose"]] = 1
    read = units_from_actions(actions)
    assert read[0, ACTION_UNITS.index(12)] == 0.5
    assert read[1, ACTION_UNITS.index(26)] == 1
    assert read[1, ACTION_UNITS.index(25)] == 0
