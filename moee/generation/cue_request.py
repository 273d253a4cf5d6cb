"""How a portrait should feel, as a user writes it, and what of its text a network understands.

`moee.generation.cues` makes an `EmotionCue` of it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from moee.console import Tell

SHOWN_WORDS = 5
COVERED = (
    "it reads how a person feels, sounds or moves the face, in English and in simple German, French, Spanish "
    'or Chinese, such as "furious, brows drawn together"'
)


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


@runtime_checkable
class KnowsWords(Protocol):
    """A text encoder that can tell which words it has read."""

    def unknown_words(self, text: str) -> list[str]:
        """The words of a text that training had nothing like."""
        ...

    def known_share(self, text: str) -> float:
        """Share of the words of a text that training had something like."""
        ...


def is_understood(encoder: object, text: str) -> bool:
    """Whether an encoder knows at least one word of a text; one that cannot tell is taken at its word."""
    return not isinstance(encoder, KnowsWords) or encoder.known_share(text) > 0


def coverage_line(encoder: object, text: str) -> str | None:
    """One line on the words that an encoder does not know, and on what it covers; None if it knows all."""
    unknown = encoder.unknown_words(text) if isinstance(encoder, KnowsWords) else []
    if not is_understood(encoder, text):
        return f"--text {text!r} is not understood and leaves the face near neutral: {COVERED}"
    if not unknown:
        return None
    more = f" and {len(unknown) - SHOWN_WORDS} more" if len(unknown) > SHOWN_WORDS else ""
    return f"--text: not known and passed over: {', '.join(unknown[:SHOWN_WORDS])}{more}; {COVERED}"


def understood_request(network: object, request: CueRequest, advise: Tell) -> CueRequest:
    """The request without a text of which the network knows no word; `advise` is told of unknown words."""
    encoders = getattr(network, "emotion_encoders", {})
    if request.text is None or "text" not in encoders:
        return request
    encoder = encoders["text"]
    if line := coverage_line(encoder, request.text):
        advise(line)
    return request if is_understood(encoder, request.text) else replace(request, text=None)
