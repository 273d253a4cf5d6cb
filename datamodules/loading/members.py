"""A sample as the members of a shard, and back.

F frame, C channel, H row, W column, K landmark, A action unit, S sample.

Clips: `mp4` frames, `flac` sound, `png` reference, `npz` what was measured per frame, `json` the rest.
Voices: `flac` and `json`.
"""

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.batch import SAMPLES_PER_FRAME, Sample, check_blend
from datamodules.media.clip_codec import (
    decode_arrays,
    decode_picture,
    decode_sound,
    decode_video,
    encode_arrays,
    encode_picture,
    encode_sound,
    encode_video,
)

PER_FRAME = ("landmarks", "action_units", "head_motion")
MASK = "mouth_mask"
TEXTS = ("label", "text")
BLENDS = ("blend", "regions")


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1).encode()


def clip_members(sample: Sample, facts: dict[str, Any]) -> dict[str, bytes]:
    """A clip as members; `facts` (licence, crop, source, ...) are kept beside it in `json`."""
    fields: dict[str, Any] = dict(sample)
    arrays = {name: fields[name].numpy() for name in PER_FRAME if name in fields}
    described = {
        name: fields[name] for name in ("corpus", "identity", *TEXTS, "provenance") if name in fields
    }
    if MASK in sample:  # eight pixels a byte
        arrays[MASK] = np.packbits(sample[MASK].numpy(), axis=-1)
    for name in BLENDS:
        if name in sample:
            described[name] = fields[name].double().mul(1e6).round().div(1e6).tolist()
    return {
        "mp4": encode_video(sample["frames"]),
        "flac": encode_sound(sample["waveform"]),
        "png": encode_picture(sample["reference"]),
        "npz": encode_arrays(arrays),
        "json": _json({**described, "frames": len(sample["frames"]), "facts": facts}),
    }


def voice_members(waveform_S: Tensor, described: dict[str, Any], facts: dict[str, Any]) -> dict[str, bytes]:
    """An utterance as members; `described` holds corpus, identity and label where known."""
    return {"flac": encode_sound(waveform_S), "json": _json({**described, "facts": facts})}


def _part(members: dict[str, bytes], ending: str) -> bytes:
    if ending not in members:
        raise ValueError(f"the member .{ending} is missing, there are {', '.join(sorted(members)) or 'none'}")
    return members[ending]


def describe(members: dict[str, bytes]) -> dict[str, Any]:
    """The `json` member.

    Raises:
        ValueError: if it is missing or damaged.
    """
    try:
        return json.loads(_part(members, "json"))
    except UnicodeDecodeError as error:
        raise ValueError(f"the description is damaged ({error})") from None


def read_clip(key: str, members: dict[str, bytes], start: int = 0, length: int | None = None) -> Sample:
    """The clip of `clip_members`, or its window of `length` frames from `start` on.

    Raises:
        ValueError: if a member is missing or damaged, or the window does not fit.
    """
    about = describe(members)
    stop = about["frames"] if length is None else start + length
    if not 0 <= start < stop <= about["frames"]:
        raise ValueError(f"frames {start} to {stop} are wanted of {about['frames']}")
    waveform = decode_sound(_part(members, "flac"))
    if len(waveform) != about["frames"] * SAMPLES_PER_FRAME:
        raise ValueError(f"{len(waveform)} sound samples for {about['frames']} frames of {SAMPLES_PER_FRAME}")
    sample: Sample = {
        "key": key,
        "corpus": about["corpus"],
        "identity": about["identity"],
        "frames": decode_video(_part(members, "mp4"), start, stop - start),
        "reference": decode_picture(_part(members, "png")),
        "waveform": waveform[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME].clone(),
        "provenance": about.get("provenance", {}),
    }
    arrays = decode_arrays(_part(members, "npz"))
    for name in PER_FRAME:
        if name in arrays:
            sample[name] = torch.from_numpy(arrays[name][start:stop].copy())
    if MASK in arrays:
        bits = np.unpackbits(arrays[MASK][start:stop], axis=-1, count=sample["frames"].shape[-1])
        sample[MASK] = torch.from_numpy(bits).bool()
    for name in TEXTS:
        if about.get(name):
            sample[name] = about[name]
    for name in BLENDS:
        if name in about:
            sample[name] = check_blend(torch.tensor(about[name], dtype=torch.float32), key)
    return sample
