"""THEval's closing score: how near the statistics of a system lie to those of real video.

Of its eight measures five are here, from landmarks, MediaPipe's mesh or 3DDFA_V2: lip and eyebrow dynamics
(`face_dynamics`, `mesh_dynamics`), lip-sync and silent-lip stability (`lip_loudness`; loudness finds speech,
not Silero's network), head motion dynamics (`head_dynamics`; the turning part, not by FaceXFormer). Three are
missing, because each is what a quality network of pyiqa says of a picture, and none is registered: global
aesthetic (TOPIQ-IAA), face quality (TOPIQ-NR for faces), mouth quality (MUSIQ on a cut of the mesh's lips).
The score takes any numbers by name.
"""

from collections.abc import Mapping

NEAR_ZERO = 1e-9


def closeness(
    values: Mapping[str, float], truth: Mapping[str, float], weights: Mapping[str, float] | None = None
) -> float:
    """Mean over measures of 1 - |value - truth| / |truth| (THEval, CVPR 2026 Findings, eq. 12).

    At most 1, and not bounded below: one measure far off outweighs all others.

    Args:
        values: of the system, by measure.
        truth: of real video, the same measures.
        weights: of the measures; 1 where not given.

    Raises:
        ValueError: if the measures differ, a truth is zero, or all weights are.
    """
    weights = weights or {}
    if values.keys() != truth.keys() or weights.keys() - truth.keys():
        strange = sorted((values.keys() ^ truth.keys()) | (weights.keys() - truth.keys()))
        raise ValueError(f"values, truth and weights must name the same measures, not all know {strange}")
    flat = [name for name, value in truth.items() if abs(value) <= NEAR_ZERO]
    if flat:
        raise ValueError(f"nothing can be relative to a truth of zero: {', '.join(flat)}")
    total = sum(weights.get(name, 1.0) for name in truth)
    if total <= 0:
        raise ValueError("the weights of a score must add up to more than zero")
    near = {name: 1 - abs(values[name] - truth[name]) / abs(truth[name]) for name in truth}
    return sum(weights.get(name, 1.0) * near[name] for name in truth) / total
