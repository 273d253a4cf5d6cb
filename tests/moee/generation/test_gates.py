"""Which gate weighs the experts of a network that is loaded."""

import pytest
import torch
from torch import nn

from lightning_modules import EmotionExperts
from lightning_modules.interfaces import EmotionCue
from moee.generation.gates import choose_gate

BLEND = torch.eye(6)[:1]


class Network(nn.Module):
    """A talking head as far as its gates go."""

    def __init__(self, **options: object) -> None:
        super().__init__()
        self.mixture = EmotionExperts({"a": 8}, 8, inner=4, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "asked", "palette", "chosen"),
    [
        ("learned", None, False, "learned"),
        ("hard", None, False, "hard"),
        ("learned", None, True, "manual"),
        ("blended", None, True, "blended"),
        ("blended", "manual", True, "manual"),
        ("manual", "learned", False, "learned"),
        ("learned", "blended", False, "blended"),
        ("learned", "manual", False, "manual"),
    ],
)
def test_the_gate_that_is_asked_for_is_taken(own: str, asked: str, palette: bool, chosen: str) -> None:
    network = Network(global_gate=own)
    cue = EmotionCue(label=BLEND, palette=BLEND if palette else None)
    returned = choose_gate(network, asked, cue)  # type: ignore[arg-type]
    assert network.mixture.global_gate == chosen
    assert returned == (chosen if asked or palette else None)


def test_what_does_not_go_together_is_one_line() -> None:
    for network, gate, cue, line in (
        (Network(), "learned", EmotionCue(palette=BLEND), "--gate learned looks at no palette"),
        (Network(), "manual", EmotionCue(text="cross"), "--gate manual needs weights"),
        (
            Network(experts=1),
            "manual",
            EmotionCue(palette=BLEND),
            "--gate: this checkpoint has no six",
        ),
        (nn.Linear(1, 1), None, EmotionCue(palette=BLEND), "--palette: this checkpoint has no six experts"),
    ):
        with pytest.raises(ValueError, match=line) as error:
            choose_gate(network, gate, cue)  # type: ignore[arg-type]
        assert "\n" not in str(error.value)
