"""The network that `moee animate` takes acts on a person of the world in three dimensions."""

import pytest
import torch
from torch import Tensor

from datamodules.batch import EMOTIONS, parse_blend
from datamodules.synthetic.clip import identity_seed, synthetic_voice
from datamodules.synthetic.head.clip import head_portrait
from evaluation.signals.facs_movements import emotion_sums, facs_movements, shown
from lightning_modules.interfaces import EmotionCue
from moee.generation.generator import FOR_PORTRAITS, load_generator, moves_points

FRAMES = 10


@pytest.fixture(scope="module")
def movements() -> dict[str, Tensor]:
    """Mean places of what FACS moves (M,), for neutral and two feelings of one person."""
    network = load_generator(FOR_PORTRAITS, "32").network
    assert moves_points(network)
    picture, points = head_portrait(identity_seed(8, "test"), 128)
    sound = synthetic_voice(3, FRAMES, parse_blend("neutral"), speaker=8, split="test").waveform
    moved: list[Tensor] = []
    layers = network.codec.layers  # type: ignore[attr-defined]

    def watched(z: Tensor, portrait: object) -> object:
        result = layers(z, portrait)
        moved.append(result[0])
        return result

    network.codec.layers = watched  # type: ignore[attr-defined]
    places = {}
    for name in ("neutral", "happy", "sad"):
        moved.clear()
        cue = EmotionCue(label=parse_blend(name)[None])
        frames = torch.cat(list(network.animate(picture, sound, cue, points=points)))
        assert frames.shape == (FRAMES, 3, 128, 128)
        places[name] = facs_movements(torch.cat(moved)).mean(0)
    return places


@pytest.mark.parametrize("name", ["happy", "sad"])
def test_an_emotion_shows_and_shows_most(movements: dict[str, Tensor], name: str) -> None:
    against = shown(emotion_sums(movements[name] - movements["neutral"]))
    assert against[EMOTIONS.index(name)] > 1
    assert EMOTIONS[int(against.argmax())] == name
