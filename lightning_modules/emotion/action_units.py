"""Action units to emotion tokens. B clip, F frame, A action unit, T token, D width."""

from torch import Tensor, nn

from datamodules.batch import ACTION_UNITS
from lightning_modules.emotion.cue_shapes import expect_vectors
from lightning_modules.interfaces import EmotionEncoder


class ActionUnitEncoder(EmotionEncoder):
    """Intensities over time to tokens per frame: a convolution over five frames (AUHead, 2026), then an MLP.

    Args:
        width: size of a token.
        tokens: tokens per frame.
        hidden: channels inside.
    """

    modality = "action_units"

    def __init__(self, width: int = 96, tokens: int = 2, hidden: int = 128) -> None:
        super().__init__()
        self.width, self.tokens = width, tokens
        # the edge repeats: a held expression must look the same in the first frame as in the middle
        self.over_time = nn.Conv1d(len(ACTION_UNITS), hidden, 5, padding=2, padding_mode="replicate")
        self.net = nn.Sequential(
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, tokens * width),
            nn.Unflatten(-1, (tokens, width)),
        )

    def forward(self, cue: Tensor | list[str]) -> Tensor:
        au_BFA = expect_vectors(cue, len(ACTION_UNITS), "action_units")
        return self.net(self.over_time(au_BFA.transpose(1, 2)).transpose(1, 2))
