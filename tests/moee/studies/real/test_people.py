"""The measure on real people: its sums, its correlations, and a still face that shows nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from places import SHARED
from torch import Tensor

from datamodules.batch import EMOTIONS
from evaluation.extractors.faces.mesh import FaceMesh
from moee.generation.generator import LoadedGenerator
from moee.studies.real.people import (
    RealBench,
    RealPeople,
    measure_real_people,
    sharpness,
)
from moee.studies.real.score_real import score_real


def result(sums: Tensor) -> RealPeople:
    nothing = torch.zeros(2, dtype=torch.float64)
    names = [str(i) for i in range(len(sums))]
    return RealPeople(sums, names, nothing, nothing, nothing + 1, ["a", "b"], torch.ones(len(sums)))


def test_an_emotion_is_seen_from_its_threshold_and_told_apart_if_it_shows_most() -> None:
    sums = torch.zeros(1, 6, 6)
    sums[0, 0, 0] = 3.1  # happy: seen, and most
    sums[0, 1, 1], sums[0, 1, 4] = 1.6, 3.0  # sad: seen, but fear shows more
    sums[0, 2, 2] = 1.9  # angry: too little
    people = result(sums)
    assert people.seen[0].tolist() == [True, True, False, False, False, False]
    assert people.told_apart[0].tolist() == [True, False, False, False, False, False]
    rows = {name: value for name, value, _, _ in people.rows()}
    assert rows["emotion seen"] == pytest.approx(2 / 6)
    assert rows["emotion told apart"] == pytest.approx(1 / 6)
    assert people.record()["people"] == ["0"]
    assert people.record()["rows"][0]["low"] is None  # one person has no interval


def test_a_blurred_picture_is_less_sharp() -> None:
    picture = (torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255).to(torch.uint8)
    blurred = torch.nn.functional.avg_pool2d(picture.float(), 3, 1, 1)
    box = (slice(8, 56), slice(8, 56))
    assert sharpness(blurred, box) < 0.5 * sharpness(picture, box)


class Still:
    """A network that gives the portrait back."""

    size, chunk, emotion_strength = 256, 14, 1.0

    def animate(self, reference_3HW: Tensor, sound: Tensor, cue: object, **_: object) -> Iterator[Tensor]:
        yield reference_3HW.expand(len(sound) // 640, -1, -1, -1)


@pytest.mark.mediapipe
def test_a_face_that_never_moves_shows_nothing() -> None:
    model = SHARED / "weights" / "face_landmarker_v2_with_blendshapes.task"
    portraits = sorted((SHARED / "data" / "portraits").glob("*.jpg"))
    clip = SHARED / "data" / "clips" / "cremad_1001_DFA_HAP_XX.mp4"
    if not (model.is_file() and portraits and clip.is_file()):
        pytest.skip(f"{SHARED}: the portraits, clips and landmark model are not there")
    generator = LoadedGenerator(Still(), Path("still"), "0" * 64)
    bench = RealBench(generator, FaceMesh(model), {"seed": 0})
    people = measure_real_people(bench, portraits[:1], [clip])
    assert people.sums.shape == (1, len(EMOTIONS), len(EMOTIONS))
    assert not people.seen.any()
    assert people.own.tolist() == [0.0]
    assert float(people.deviation) < 0.2
    assert float(people.sharpness) == pytest.approx(1, abs=0.01)


def test_folders_are_checked_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder of pictures"):
        score_real(tmp_path / "none", tmp_path)
    with pytest.raises(ValueError, match="no pictures in it"):
        score_real(tmp_path, tmp_path)
