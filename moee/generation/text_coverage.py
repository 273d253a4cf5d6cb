"""What of a `--text` an encoder understands, and the line that says so."""

from dataclasses import replace
from typing import Protocol, runtime_checkable

from moee.console import Tell
from moee.generation.cue_request import CueRequest

SHOWN_WORDS = 5
COVERED = (
    "it reads how a person feels, sounds or moves the face, in English and in simple German, French, Spanish "
    'or Chinese, such as "furious, brows drawn together"'
)


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
