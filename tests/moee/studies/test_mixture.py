"""Does the mixture do the work? The parts of that question."""

from types import SimpleNamespace

import pytest
import torch

from datamodules.action_units import prototype_matrix, regional_prototype
from datamodules.batch import EMOTIONS
from evaluation.studies import Cell
from lightning_modules.emotion.latents import EmotionToLatents
from moee.studies.mixture import (
    BARS,
    MEANING,
    MixtureFindings,
    bar_of,
    empty_table,
    lines_of,
    movement,
    open_local_gates,
    regions_seen,
    table_part,
)
from tests.lightning_modules.test_talking_head import model


def findings(**values: float) -> MixtureFindings:
    cells = {name: Cell(values.get(name, 0.5), None, 4) for name in MEANING}
    return MixtureFindings(**cells, gate_entropy={"a": Cell(0.69, None, 4)})


@pytest.mark.parametrize("upper", ["sad", "angry", "surprise"])
@pytest.mark.parametrize("lower", EMOTIONS)
def test_both_halves_of_a_face_are_read(upper: str, lower: str) -> None:
    regions = torch.eye(6)[[EMOTIONS.index(upper), EMOTIONS.index(lower)]]
    assert regions_seen(0.8 * regional_prototype(regions)) == (upper, lower)


def test_half_a_prototype_is_no_emotion_of_both() -> None:
    happy = prototype_matrix()[EMOTIONS.index("happy")]
    assert regions_seen(happy) == ("happy", "happy")


def test_bars_say_whether_they_are_reached() -> None:
    assert bar_of("palette_obedience", findings(palette_obedience=0.61)) == "at least 0.60, reached"
    assert bar_of("palette_obedience", findings(palette_obedience=0.59)) == "at least 0.60, missed"
    assert bar_of("latent_persistence", findings(latent_persistence=0.2)) == "at most 0.25, reached"
    half = findings(label_accuracy=0.9, table_zeroed_accuracy=0.5)
    assert bar_of("table_zeroed_accuracy", half) == "at most 0.45, missed"
    assert bar_of("spatial_share", half) == ""
    assert BARS.keys() <= MEANING.keys()
    assert len(lines_of(half)) == len(MEANING) + 3


def test_what_is_taken_away_comes_back() -> None:
    network = model()
    table, gate = network.latent_generator.table.clone(), network.mixture.local_gate
    with empty_table(network), open_local_gates(network):
        assert not network.latent_generator.table.any()
        assert network.mixture.local_gate == "none"
    assert torch.equal(network.latent_generator.table, table)
    assert network.mixture.local_gate == gate


def test_the_tables_part_is_all_without_a_bypass_and_less_with_one() -> None:
    network = model()
    assert table_part(network) == pytest.approx(1)
    past = SimpleNamespace(
        emotion_encoders=network.emotion_encoders,
        latent_generator=EmotionToLatents(
            dict.fromkeys(network.emotion_encoders, 8), 8, 2, 4, 2, bypass=True
        ),
        device=torch.device("cpu"),
    )
    assert table_part(past) < 0.9


def test_movement_is_a_distance_in_grey_levels() -> None:
    black = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    assert movement(black, black) == 0
    assert movement(black, black + 3) == 3
