"""The one face of a clip, and the square that frames it. F frame, H row, W column."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from datamodules.faces.crop import Box, Face, crop_box
from datamodules.faces.finder import Finder

LEAST_FOUND = 0.9  # share of the frames of a clip in which the face must be seen; gaps are bridged
MOST_CROWDED = 0.1  # share of frames that may show a second face


def track_face(
    finder: Finder,
    frames: Iterable[Tensor],
    box: Box | None = None,
    advice: str = "crop to one, or give a face box",
) -> list[Face]:
    """The one face of a clip in every frame; short gaps are bridged linearly.

    Args:
        finder: The detector.
        frames: (3, H, W) uint8 RGB each.
        box: Where the wanted face is, if there may be others.
        advice: What to do about two faces, for the error.

    Raises:
        ValueError: if the face is missing too often, or there are two.
    """
    faces_of = [finder.find(frame) for frame in frames]
    if box is not None:
        faces_of = [[face for face in faces if _inside(face, box)][:1] for faces in faces_of]
    count, with_face = len(faces_of), sum(bool(faces) for faces in faces_of)
    crowded = sum(len(faces) > 1 for faces in faces_of)
    if with_face < LEAST_FOUND * count:
        place = "" if box is None else " in the face box"
        raise ValueError(f"no face{place} in {count - with_face} of {count} frames")
    if crowded > MOST_CROWDED * count:
        raise ValueError(f"two faces in {crowded} of {count} frames; {advice}")
    return _bridged([faces[0] if faces else None for faces in faces_of])


def _inside(face: Face, box: Box) -> bool:
    middle = face.landmarks.mean(0)
    return bool(box[0] <= middle[0] <= box[0] + box[2] and box[1] <= middle[1] <= box[1] + box[3])


def _bridged(faces: list[Face | None]) -> list[Face]:
    """Faces of all frames; a missing one lies between its neighbours, or is the nearest at the ends."""
    known = {i: face for i, face in enumerate(faces) if face is not None}
    places = list(known)
    whole = []
    for i, face in enumerate(faces):
        if face is None:
            before = max((k for k in places if k < i), default=places[0])
            after = min((k for k in places if k > i), default=places[-1])
            share = (i - before) / (after - before) if after > before else 0.0
            face = _between(known[before], known[after], share)
        whole.append(face)
    return whole


def _between(a: Face, b: Face, share: float) -> Face:
    mix = {name: (1 - share) * a.blendshapes[name] + share * b.blendshapes[name] for name in a.blendshapes}
    mesh = None if a.mesh is None or b.mesh is None else torch.lerp(a.mesh, b.mesh, share)
    return Face(torch.lerp(a.landmarks, b.landmarks, share), mix, a.box if share < 0.5 else b.box, mesh)


def clip_square(faces: Sequence[Face], width: int, height: int) -> tuple[int, int, int]:
    """The square (x, y, side) of a whole clip: the median over its frames, so that it stands still.

    Args:
        faces: One a frame.
        width: Of the pictures; the square may reach beyond them.
        height: Of the pictures.

    Raises:
        ValueError: if a face lies outside the picture or has no size.
    """
    squares = torch.tensor([crop_box(face.landmarks, width, height) for face in faces], dtype=torch.float64)
    x, y, side = squares.quantile(0.5, dim=0).round().int().tolist()
    return x, y, side
