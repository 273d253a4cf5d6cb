"""What a made video says of itself, in the container's `comment`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from moee.generation.settings import SamplingSettings
from moee.installed import suite_version

if TYPE_CHECKING:
    from lightning_modules.interfaces import EmotionCue
    from moee.generation.generator import LoadedGenerator


def disclosure() -> dict[str, Any]:
    """What every made file says of itself; the source type is IPTC's word for what a trained network made."""
    return {
        "title": "AI-generated talking head",
        "ai_generated": True,
        "digital_source_type": "trainedAlgorithmicMedia",
        "tool": f"moee-suite {suite_version()}",
    }


def video_record(
    generator: "LoadedGenerator", settings: SamplingSettings, cue: "EmotionCue | None" = None
) -> dict[str, Any]:
    """The disclosure, with what a video was made by and how.

    Args:
        generator: the network and its file.
        settings: of the sampler; a strength that is None is written as the network's own.
        cue: what was asked for; None where it was a label.
    """
    from lightning_modules.interfaces import given

    own_strength = generator.network.emotion_strength
    return {
        **disclosure(),
        "checkpoint": generator.path.name,
        "checkpoint_sha256": generator.sha256,
        "cues": given(cue) if cue else ["label"],
        **asdict(settings),
        "emotion_strength": own_strength if settings.emotion_strength is None else settings.emotion_strength,
    }
