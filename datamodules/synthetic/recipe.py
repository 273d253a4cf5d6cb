"""What decides the content of a cache of synthetic clips. F frame, H row, W column, K point of the mesh."""

import math
from dataclasses import asdict, dataclass, field

import numpy as np

from datamodules.batch import (
    ACTION_UNITS,
    EMOTIONS,
    ENCODED_CLIPS,
    HEAD_MOTION,
    LANDMARKS,
    REGIONS,
    SAMPLES_PER_FRAME,
    Sample,
)
from datamodules.digest import recipe_digest
from datamodules.face_space.mesh import ATLAS, POINTS
from datamodules.synthetic.clip import Shares, Split, World, synthetic_clip, synthetic_voice

ONE_ROW = (
    "reference",
    "reference_points",
    "blend",
    "regions",
    "voice",
    *ENCODED_CLIPS,
)  # of a clip, not a frame


@dataclass(frozen=True)
class Recipe:
    """What decides the content of a cache.

    Args:
        clips: how many.
        frames: length of a cached clip.
        size: side of the square pictures, pixels.
        randomisation: strongest domain randomisation; each clip draws its own strength below it.
        clean_share: share of clips without any randomisation.
        any_reference_share: share of clips whose portrait shows some emotion; the others show a neutral face.
        voice_frames: length of the separate speech cue; 0 leaves it out.
        seed: of the first clip.
        split: `train` or `test`; identities, speakers and wordings are disjoint.
        shares: how often a clip shows what.
        world: `painted` or `head`, see `synthetic_clip`; `size` is what a head is rendered at then.
    """

    clips: int = 256
    frames: int = 24
    size: int = 128
    randomisation: float = 0.0
    clean_share: float = 0.4
    any_reference_share: float = 0.3
    voice_frames: int = 75
    seed: int = 0
    split: Split = "train"
    shares: Shares = field(default_factory=Shares)
    world: World = "painted"

    def digest(self) -> str:
        """Eight hexadecimal digits that change with the content."""
        values = asdict(self)
        if self.world == "painted":
            del values["world"]  # older than the key: its caches and results keep their names
        return recipe_digest(values)

    def clip_bytes(self) -> int:
        """What one clip takes on disk."""
        return sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in self.arrays().values())

    def arrays(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Name -> (shape of a clip, numpy type) of everything that is kept as an array."""
        cells = ATLAS if self.world == "head" else self.size
        side = (cells, cells)
        shapes: dict[str, tuple[tuple[int, ...], str]] = {
            "frames": ((self.frames, 3, *side), "u1"),
            "reference": ((3, *side), "u1"),
            "waveform": ((self.frames * SAMPLES_PER_FRAME,), "f4"),
            "action_units": ((self.frames, len(ACTION_UNITS)), "f4"),
            "blend": ((len(EMOTIONS),), "f4"),
            "regions": ((len(REGIONS), len(EMOTIONS)), "f4"),
            "landmarks": ((self.frames, LANDMARKS, 2), "f4"),
            "head_motion": ((self.frames, len(HEAD_MOTION)), "f4"),
            "mouth_mask": ((self.frames, cells, cells // 8), "u1"),
        }
        if self.world == "head":
            shapes["points"] = ((self.frames, POINTS, 2), "f4")
            shapes["reference_points"] = ((POINTS, 2), "f4")
        if self.voice_frames:
            shapes["voice"] = ((self.voice_frames * SAMPLES_PER_FRAME,), "f4")
        return shapes


def make_clip(recipe: Recipe, index: int) -> Sample:
    """Clip number `index` of a recipe, always the same one."""
    seed = recipe.seed + index
    rng = np.random.default_rng([seed, 77])
    clean = rng.random() < recipe.clean_share
    sample = synthetic_clip(
        seed,
        frames=recipe.frames,
        size=recipe.size,
        randomisation=0.0 if clean else float(rng.uniform(0, recipe.randomisation)),
        reference="any" if rng.random() < recipe.any_reference_share else "neutral",
        split=recipe.split,
        shares=recipe.shares,
        world=recipe.world,
    )
    if recipe.voice_frames:
        spoken = synthetic_voice(
            seed + 1_000_003, recipe.voice_frames, blend=sample.get("blend"), split=recipe.split
        )
        sample["voice"] = spoken.waveform
    return sample
