"""A blend of basic emotions to emotion tokens. B clip, F frame, E expert, T token, D width."""

from torch import Tensor, nn

from datamodules.batch import EMOTIONS
from lightning_modules.emotion.cue_shapes import expect_vectors
from lightning_modules.interfaces import EmotionEncoder


class LabelEncoder(EmotionEncoder):
    """A blend to tokens; continuous in every intensity, so half a smile lies between none and a whole one.

    Args:
        width: size of a token.
        tokens: tokens per frame or clip.
        hidden: channels inside.
    """

    modality = "label"

    def __init__(self, width: int = 96, tokens: int = 2, hidden: int = 128) -> None:
        super().__init__()
        self.width, self.tokens = width, tokens
        self.net = nn.Sequential(
            nn.Linear(len(EMOTIONS), hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, tokens * width),
            nn.Unflatten(-1, (tokens, width)),
        )

    def forward(self, cue: Tensor | list[str]) -> Tensor:
        return self.net(expect_vectors(cue, len(EMOTIONS), "label"))
