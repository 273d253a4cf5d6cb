"""File names of RAVDESS (Livingstone & Russo 2018): what the seven numbers of an utterance say."""

from pathlib import Path

from datamodules.batch import NEUTRAL

# The third number -> our name; calm (2) counts as neutral.
EMOTION_NAMES = {
    1: NEUTRAL,
    2: NEUTRAL,
    3: "happy",
    4: "sad",
    5: "angry",
    6: "fear",
    7: "disgust",
    8: "surprise",
}
NAME_FIELDS = ("modality", "channel", "emotion", "intensity", "sentence", "repetition", "actor")


def ravdess_files(folder: str) -> list[Path]:
    """Sound files with RAVDESS names, sorted.

    Raises:
        FileNotFoundError: if the folder is missing or has none.
    """
    path = Path(folder).expanduser()
    files = sorted(p for p in path.glob("*") if p.suffix in (".flac", ".wav") and len(p.stem.split("-")) == 7)
    if not files:
        raise FileNotFoundError(f"{folder}: no FLAC or WAV with RAVDESS names (03-01-EE-II-SS-RR-AA) there")
    return files


def ravdess_fields(path: Path) -> dict[str, int]:
    """The seven numbers of a RAVDESS name by what they mean (Livingstone & Russo 2018).

    Raises:
        ValueError: if the name has another form or an unknown emotion.
    """
    try:
        fields: dict[str, int] = dict(zip(NAME_FIELDS, map(int, path.stem.split("-")), strict=True))
    except ValueError:
        raise ValueError(f"{path.name}: not a RAVDESS name (seven numbers joined by -)") from None
    if fields["emotion"] not in EMOTION_NAMES:
        raise ValueError(f"{path.name}: emotion {fields['emotion']}, expected 1 to {len(EMOTION_NAMES)}")
    return fields
