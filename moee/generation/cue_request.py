"""How a portrait should feel, as a user writes it; `moee.generation.cues` makes an `EmotionCue` of it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CueRequest:
    """Any of these together; neutral if none is given.

    Args:
        emotion: a name such as `happy` or `angrily_disgusted`, or weights such as `happy:0.5,fear:0.3`; or
            one for brows and eyes and one for nose and mouth, `angry above happy`, if the network can.
        text: a description, such as "barely holding back tears".
        emotion_audio: a recording whose tone of voice is taken over.
        au: action units from 0 to 1, such as `AU12=0.8,AU6=0.5`.
        timeline: a JSON file that changes emotion, action units or palette over time.
        palette: weights of the six experts, such as `happy:0.7,surprise:0.3`; alone it is the emotion too.
    """

    emotion: str | None = None
    text: str | None = None
    emotion_audio: str | Path | None = None
    au: str | None = None
    timeline: str | Path | None = None
    palette: str | None = None

    @property
    def options(self) -> list[str]:
        """Options of the command line that stand for what is given."""
        return [f"--{name.replace('_', '-')}" for name, value in vars(self).items() if value is not None]
