"""A stand-in for the network in the tests of what is built around it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_modules.interfaces import EmotionCue


class MouthPainter:
    """Stands for a network: darkens the mouth by loudness and reddens the face by the first emotion."""

    emotion_strength = 1.5

    def __init__(self, size: int = 32, chunk: int = 8) -> None:
        self.size, self.chunk = size, chunk
        self.motion: list[Tensor] = []
        self.cues: list[EmotionCue] = []

    def animate(
        self, reference_3HW: Tensor, sound, cue: EmotionCue, *, head_motion=None, **settings
    ) -> Iterator[Tensor]:
        self.cues.append(cue)
        pending, index = torch.zeros(0), 0
        blocks = iter([sound]) if isinstance(sound, Tensor) else sound
        for block in blocks:
            pending = torch.cat([pending, block])
            while len(pending) >= self.chunk * 640:
                yield self._paint(reference_3HW, pending[: self.chunk * 640], cue, head_motion, index)
                pending, index = pending[self.chunk * 640 :], index + self.chunk
        if len(pending):
            yield self._paint(reference_3HW, pending, cue, head_motion, index)

    def _paint(self, reference_3HW, sound_S, cue, head_motion, index) -> Tensor:
        frames = -(-len(sound_S) // 640)
        padded = torch.nn.functional.pad(sound_S, (0, frames * 640 - len(sound_S)))
        loud_F = padded.reshape(frames, 640).square().mean(1).sqrt().clamp(max=0.3) / 0.3
        out = reference_3HW.float().repeat(frames, 1, 1, 1)
        side, top, left = self.size, int(self.size * 0.64), int(self.size * 0.38)
        out[:, :, top : top + side // 10, left : side - left] *= (1 - 0.8 * loud_F)[:, None, None, None]
        if cue.label is not None:
            out[:, 0] += 40 * cue.label[0, 0]
        self.motion.append(
            head_motion(index, sound_S) if callable(head_motion) else head_motion[index : index + frames]
        )
        return out.clamp(0, 255).byte()
