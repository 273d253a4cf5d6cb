"""The embedded judge: action units, emotion, lip opening and landmarks of one picture, trained on renderings.

N picture, B clip, F frame, A action unit, L class, K landmark, D width, C channel, H row, W column.
"""

import torch
from torch import Tensor, nn

from datamodules.batch import ACTION_UNITS, CLASSES, LANDMARKS
from evaluation.extractors.network import SIZE, EmbeddedJudge, Trunk, preprocess

WIDTHS = (24, 32, 72, 144)
SQUEEZE, HIDDEN = 32, 256
CHUNK = 64  # pictures at a time
LIP_UNIT = 0.1  # inter-ocular distances a unit of the lip head stands for


class Judge(EmbeddedJudge):
    """A convolutional network with four heads; an `Extractor` marked embedded, never a published measure."""

    kind = "judge"
    version = "1"
    name = "embedded-judge"
    provides = ("action_units", "emotion", "lip_opening", "landmarks", "features")

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(WIDTHS)
        self.squeeze = nn.Sequential(nn.Conv2d(WIDTHS[3], SQUEEZE, 1), nn.ReLU(inplace=True), nn.Flatten())
        self.hidden = nn.Sequential(nn.Linear(SQUEEZE * (SIZE // 16) ** 2, HIDDEN), nn.ReLU(inplace=True))
        self.action_units = nn.Linear(HIDDEN, len(ACTION_UNITS))
        self.emotion = nn.Linear(HIDDEN, len(CLASSES))
        self.lips = nn.Linear(HIDDEN, 1)
        self.landmarks = nn.Linear(HIDDEN, LANDMARKS * 2)

    def forward(self, x_NCHW: Tensor) -> dict[str, Tensor]:
        """Heads on pictures in [-1, 1].

        Returns:
            `action_units` (N, A) logits, `emotion` (N, L) logits, `lip_opening` (N,) in inter-ocular
            distances, `landmarks` (N, K, 2) in pixels of a 128 x 128 picture, `features` (N, 64): mean and
            deviation over the picture of the early channels, which see colour, contrast, softness and
            grain.
        """
        early, late = self.trunk(x_NCHW)
        hidden_ND = self.hidden(self.squeeze(late))
        return {
            "action_units": self.action_units(hidden_ND),
            "emotion": self.emotion(hidden_ND),
            "lip_opening": self.lips(hidden_ND)[:, 0] * LIP_UNIT,
            "landmarks": (self.landmarks(hidden_ND).unflatten(1, (LANDMARKS, 2)) + 1) * (SIZE / 2),
            "features": torch.cat([early.mean((2, 3)), early.std((2, 3))], dim=1),
        }

    @torch.inference_mode()
    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """Intensities in [0, 1], probabilities, lip opening, landmarks in the pixels of the frames, features.

        Float32.
        """
        height, width = frames_F3HW.shape[-2:]
        parts = [self(preprocess(chunk)) for chunk in frames_F3HW.split(CHUNK)]
        heads = {name: torch.cat([part[name] for part in parts]).float() for name in self.provides}
        # pixel centres: place p of the small picture is (p + 1/2) * ratio - 1/2 of the frame
        scale = heads["landmarks"].new_tensor([width / SIZE, height / SIZE])
        return heads | {
            "action_units": heads["action_units"].sigmoid(),
            "emotion": heads["emotion"].softmax(-1),
            "landmarks": (heads["landmarks"] + 0.5) * scale - 0.5,
        }
