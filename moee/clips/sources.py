"""What `moee evaluate` compares with what: the true clips, and who made the other_blends.

F frame, H row, W column.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from av import __version__ as av_version
from torch import Tensor

from evaluation.clips.errors import about_file
from evaluation.clips.floors import ceiling_and_floors, isolated_floors, other_people
from evaluation.clips.true_clips import Clips, Generate
from evaluation.protocol import prepare
from evaluation.results.system import System
from lightning_modules.interfaces import EmotionCue
from moee.generation.generator import moves_points, points_for
from moee.generation.idle_motion import NaturalMotion
from moee.generation.video_writer import CRF, even_sides, write_video

if TYPE_CHECKING:
    from moee.generation.generator import LoadedGenerator

FIRST_SEED = 700_000  # of the synthetic clips; other tests use other ones
INTENSITY = 0.8  # of their emotion
Entry = tuple[System, Generate]


def synthetic_clips(count: int, frames: int, size: int) -> Clips:
    """Held-out people of the synthetic world, all emotions and compounds in turn; rendered when asked for.

    Raises:
        ValueError: for fewer than two clips or five frames.
    """
    from datamodules.batch import LABELS, parse_blend
    from datamodules.synthetic.clip import synthetic_clip

    if count < 2 or frames < 5:
        raise ValueError(
            f"{count} synthetic clips of {frames} frames: at least 2 clips of 5 frames are needed"
        )
    blends = [parse_blend(f"{name}:{INTENSITY}") for name in LABELS]

    def blend(index: int) -> Tensor:
        return blends[index % len(blends)]

    def load(index: int) -> Any:
        return synthetic_clip(
            FIRST_SEED + index, frames, size, identity=index, blend=blend(index), split="test"
        )

    keys = [f"synthetic-{index:04d}" for index in range(count)]
    people = [f"person-{index}" for index in range(count)]
    return Clips(keys, people, load, lambda index: {"blend": blend(index)})


def other_emotions(count: int, frames: int, size: int) -> Entry:
    """The same synthetic people say another line in another emotion: a floor that keeps the person alone."""
    from datamodules.synthetic.clip import synthetic_clip

    people = synthetic_clips(count, frames, size)

    def make(index: int, _: Mapping[str, Any], __: int) -> Tensor:
        own_blend = people.known(index)["blend"]
        other_blends = (people.known((index + step) % count)["blend"] for step in range(1, count))
        blend = next(other for other in other_blends if not torch.equal(other, own_blend))
        clip = synthetic_clip(FIRST_SEED + index, frames, size, identity=index, blend=blend, split="test")
        return clip["frames"]

    return System("another emotion", "floor"), make


class Animated:
    """A network that makes each clip again from its reference picture, its sound and its emotion.

    Args:
        generator: the network.
        clips: whose references, sounds and emotions it gets; the head moves as in the clip where that is
            known, otherwise as in `moee animate`.
        steps: of the sampler.
        tflop_per_frame: what a frame costs it; None where that was not counted.
    """

    def __init__(
        self, generator: "LoadedGenerator", clips: Clips, steps: int, tflop_per_frame: float | None = None
    ) -> None:
        self.generator, self.clips, self.steps = generator, clips, steps
        self.tflop_per_frame = tflop_per_frame

    def entries(self, name: str, seeds: list[int], with_floors: bool) -> list[Entry]:
        """The network itself, and it told another clip's sound or emotion: what its control is worth."""
        entries = [(self._system(name, seeds), self._make(self._own, self._own))]
        if with_floors:
            entries += [
                (self._system(f"{name}, another sound", seeds, "floor"), self._make(self._others, self._own)),
                (
                    self._system(f"{name}, another emotion", seeds, "floor"),
                    self._make(self._own, self._others),
                ),
            ]
        return entries

    def _system(self, name: str, seeds: list[int], role: str = "system") -> System:
        strength = self.generator.network.emotion_strength
        settings = {"steps": self.steps, "emotion_strength": strength, "cue": "label"}
        about = {"seeds": seeds, "settings": settings, "tflop_per_frame": self.tflop_per_frame}
        return System(name, role, self.generator.sha256, **about)

    def _own(self, _: int, truth: Mapping[str, Any]) -> Mapping[str, Any]:
        return truth

    def _others(self, index: int, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.clips.load(other_people(self.clips.identities)[index])

    def _make(self, sound_of: Callable, emotion_of: Callable) -> Generate:
        def make(index: int, truth: Mapping[str, Any], seed: int) -> Tensor:
            sound_S = _sound(sound_of(index, truth), len(truth["frames"]))
            blend = emotion_of(index, truth).get("blend")
            return self._animate(truth, sound_S, blend, seed)

        return make

    def _animate(self, truth: Mapping[str, Any], sound_S: Tensor, blend: Tensor | None, seed: int) -> Tensor:
        network = self.generator.network
        reference = prepare(truth.get("reference", truth["frames"][0])[None], network.size)[0]
        chunks = network.animate(
            reference,
            sound_S,
            EmotionCue(label=None if blend is None else blend[None]),
            head_motion=truth.get("head_motion", NaturalMotion(seed)),
            steps=self.steps,
            seed=seed,
            points=points_for(network, reference),
        )
        return torch.cat(list(chunks))


def _sound(clip: Mapping[str, Any], frames: int) -> Tensor:
    """A clip's sound (S,), cut or repeated to that many frames.

    Raises:
        ValueError: if the clip has none.
    """
    from datamodules.batch import SAMPLES_PER_FRAME

    if "waveform" not in clip:
        problem = clip.get("sound_problem", "the true video has no sound")
        raise ValueError(f"{problem}, and a network needs a voice")
    sound_S = clip["waveform"]
    return sound_S[torch.arange(frames * SAMPLES_PER_FRAME) % len(sound_S)]


def limit_entries(clips: Clips, codec: "LoadedGenerator | None" = None) -> list[Entry]:
    """The ceiling and floor rows; a ceiling for each codec: H.264, and a network's own where there is one."""
    entries = [
        (System(name, role), make)
        for name, role, make in (*ceiling_and_floors(clips), *isolated_floors(clips))
    ]
    if codec is not None and not moves_points(codec.network):  # a relative codec has no pictures of its own
        recode = _through(codec)
        entries.insert(1, (System(f"real video, codec {codec.sha256[:8]}", "ceiling", codec.sha256), recode))
    entries.insert(1, (System(f"real video, H.264 crf {CRF}, PyAV {av_version}", "ceiling"), _encoded_again))
    return entries


def _encoded_again(_: int, truth: Mapping[str, Any], __: int) -> Tensor:
    """The true video, written and read as our own videos are."""
    from datamodules.media.reading import read_video

    height, width = truth["frames"].shape[-2:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with about_file(path):
            write_video(path, even_sides(truth["frames"]))
            return read_video(path).frames[..., :height, :width]


def _through(generator: "LoadedGenerator") -> Generate:
    network: Any = generator.network

    @torch.no_grad()
    def recode(_: int, truth: Mapping[str, Any], __: int) -> Tensor:
        pieces = prepare(truth["frames"], network.size).to(generator.device).split(16)
        decoded = torch.cat(
            [network.codec.decode(network.encode_pictures(piece)).float().cpu() for piece in pieces]
        )
        return ((decoded.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)

    return recode
