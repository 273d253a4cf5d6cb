"""Sound of any length to frames, clip after clip, in bounded memory.

F frame, f frame of a chunk, C channel, H row, W column, M motion value.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from datamodules.batch import HEAD_MOTION, SAMPLES_PER_FRAME, check_blend
from lightning_modules.conditioning import blend_shares
from lightning_modules.diffusion.process import clip_noise, guide
from lightning_modules.diffusion.sampling import sample
from lightning_modules.interfaces import (
    Composed,
    Conditions,
    EmotionCue,
    EmotionFeatures,
    EmotionPass,
    SpeechFeatures,
)
from lightning_modules.video.canvas import canvas_of

# Either the whole motion (F, M), or a function of (first frame, sound of the chunk) to (f, M).
HeadMotion = Tensor | Callable[[int, Tensor], Tensor]


@dataclass
class Options:
    """How to sample.

    Args:
        steps: network evaluations a chunk.
        seed: of the noise.
        audio_guidance, emotion_guidance: 1 is off; each other value costs passes of the network.
        emotion_strength: how far the experts are pushed from what they say to no emotion; 1 is off, see
            `EmotionPass`.
        first_chunk: frames of the first chunk; 0 is as many as of the others. Fewer bring the first picture
            sooner: it waits for these and for the sound after them that is heard with them.
    """

    steps: int = 4
    seed: int = 0
    audio_guidance: float = 1.0
    emotion_guidance: float = 1.0
    emotion_strength: float = 1.0
    first_chunk: int = 0


def sound_chunks(
    sound: Tensor | Iterator[Tensor], first: int, samples: int, future: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Chunks of sound, each with up to `future` samples of what follows; it is given out once both are there.

    Args:
        sound: waveform (S,), or an iterator over pieces of it.
        first: samples of the first chunk.
        samples: of the others; the last one is as long as what is left.
        future: samples of what follows.
    """
    held, size = torch.zeros(0), first
    for piece in [sound] if isinstance(sound, Tensor) else sound:
        held = torch.cat([held, piece.float()])
        while len(held) >= size + future:
            yield held[:size], held[size : size + future]
            held, size = held[size:], samples
    while len(held):
        yield held[:size], held[size : size + future]
        held, size = held[size:], samples


class SpeechWindow:
    """Speech tokens of a stream: each chunk is heard with what came before it and a little of what follows.

    Args:
        features: what hears it.
        past, future: frames of context, not negative.
    """

    def __init__(self, features: SpeechFeatures, past: int, future: int) -> None:
        self.features, self.past, self.future = features, past, future
        self.before = torch.zeros(0)

    def tokens(self, chunk_S: Tensor, following_S: Tensor) -> Tensor:
        """(1, f, T, D) for a chunk of whole frames, overlap the sound that follows it."""
        following = following_S[: self.future * SAMPLES_PER_FRAME]
        following = following[: len(following) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]
        sound = torch.cat([self.before, chunk_S, following])
        start, frames = len(self.before) // SAMPLES_PER_FRAME, len(chunk_S) // SAMPLES_PER_FRAME
        tokens = self.features(sound[None].to(self.features.device))[:, start : start + frames]
        before = torch.cat([self.before, chunk_S])
        self.before = before[max(len(before) - self.past * SAMPLES_PER_FRAME, 0) :]
        return tokens


def cue_tensors(cue: EmotionCue, device: torch.device) -> dict[str, Tensor | list[str]]:
    """A cue as a batch of one, by modality.

    Raises:
        ValueError: for a bad blend, or action units outside 0..1.
    """
    cues: dict[str, Tensor | list[str]] = {}
    if cue.label is not None:
        cues["label"] = check_blend(cue.label.float())[None].to(device)
    if cue.text is not None:
        cues["text"] = [cue.text]
    if cue.speech is not None:
        cues["speech"] = whole_frames(cue.speech)[None].to(device)
    if cue.action_units is not None:
        if not ((cue.action_units >= 0) & (cue.action_units <= 1)).all():
            raise ValueError("action units: intensities outside 0..1")
        cues["action_units"] = cue.action_units.float()[None].to(device)
    return cues


def check_regions(cue: EmotionCue, model: Composed) -> None:
    """Nothing, if the model can show what a label asks for.

    Raises:
        ValueError: for a label by region where the model's labels are of whole faces.
    """
    by_region = cue.label is not None and cue.label.ndim == 3
    if by_region and not model.emotion_encoders["label"].regional:
        raise ValueError(
            "emotion by region: this network knows emotions of whole faces only; ask for a blend such as "
            "angry:0.5,happy:0.5, or use a network with a RegionalLabelEncoder"
        )


def cue_palette(cue: EmotionCue, used: bool, device: torch.device) -> Tensor | None:
    """A cue's expert weights (1, F or 1, E): its palette, or its label's shares where the gate uses one.

    Raises:
        ValueError: for weights that are negative or sum to more than 1.
    """
    if cue.palette is not None:
        return check_blend(cue.palette.float(), "palette")[None].to(device)
    if used and cue.label is not None:
        blend_FE = cue.label.float().mean(1) if cue.label.ndim == 3 else cue.label.float()
        return blend_shares(blend_FE)[:, 0][None].to(device)
    return None


def whole_frames(waveform_S: Tensor) -> Tensor:
    """Zero-padded at the end to whole video frames."""
    return torch.nn.functional.pad(waveform_S, (0, -len(waveform_S) % SAMPLES_PER_FRAME))


def _part(x_1FX: Tensor, start: int, frames: int) -> Tensor:
    """Frames [start, start + frames) of a track; what is constant stays, the last value holds to the end."""
    if x_1FX.shape[1] == 1:
        return x_1FX
    index = torch.arange(start, start + frames, device=x_1FX.device).clamp(0, x_1FX.shape[1] - 1)
    return x_1FX[:, index]


class _Clip:
    """What one clip hands to the next: the last frames, and all that is computed once a portrait."""

    def __init__(
        self,
        model: Composed,
        reference_3HW: Tensor,
        points_K2: Tensor | None,
        cue: EmotionCue,
        options: Options,
    ) -> None:
        self.model, self.options = model, options
        device = model.device
        self.canvas = canvas_of(model, reference_3HW, points_K2)
        self.portrait = self.canvas.portrait
        self.reference = model.reference_net(self.portrait.to(model.reference_net.dtype))
        check_regions(cue, model)
        cues = cue_tensors(cue, device)
        present = {name: torch.ones(1, dtype=torch.bool, device=device) for name in cues}
        features = model.emotion_features(cues, present)
        self.latent = model.latent_generator(features, 1).to(model.mixture.dtype)
        self.null = model.latent_generator(EmotionFeatures(), 1).to(model.mixture.dtype)
        self.palette = cue_palette(cue, model.mixture.uses_palette, device)
        shape = (1, model.chunk + model.motion_frames, *self.portrait.shape[1:])
        generator = torch.Generator().manual_seed(options.seed)
        # The same noise for every chunk: they differ in what they are told, not in their dice.
        self.noise = clip_noise(torch.zeros(shape), model.noise.shared_in_animation, generator).to(device)
        self.last = torch.zeros(1, 0, *self.portrait.shape[1:], device=device)
        self.last_speech: Tensor | None = None
        self.last_motion: Tensor | None = None

    def frames(self, start: int, speech: Tensor, motion: Tensor) -> Tensor:
        """The next chunk (f, 3, H, W) uint8."""
        count, overlap = speech.shape[1], self.last.shape[1]
        if self.last_speech is not None and self.last_motion is not None:
            speech_all = torch.cat([self.last_speech, speech], 1)
            motion_all = torch.cat([self.last_motion, motion], 1)
        else:
            speech_all, motion_all = speech, motion
        base = self.canvas.base(motion_all)
        told = self.canvas.denoiser_motion(motion_all)
        x0 = self._sample(start - overlap, overlap, base, speech_all, told)[:, overlap:]
        keep = self.model.motion_frames
        if keep:
            self.last = torch.cat([self.last, x0], 1)[:, -keep:]
            self.last_speech, self.last_motion = speech_all[:, -keep:], motion_all[:, -keep:]
        base = base[:, overlap:] if base.shape[1] > 1 else base
        return self.canvas.frames(x0[0], base[0], motion)[:count]

    def _sample(self, start: int, overlap: int, base: Tensor, speech: Tensor, motion: Tensor) -> Tensor:
        model, options = self.model, self.options
        frames = speech.shape[1]
        palette = None if self.palette is None else _part(self.palette, start, frames)
        emotion = EmotionPass(
            model.mixture,
            self._track(self.latent, start, frames),
            palette,
            self.null,
            options.emotion_strength,
        )
        nothing = EmotionPass(model.mixture, self.null)

        conditions = Conditions(
            self.reference, portrait=base, speech=speech, head_motion=motion, places=self.canvas.places
        )
        dtype = cast(torch.dtype, model.denoiser.dtype)
        conditions = conditions.to(dtype)
        unheard = replace(conditions, speech=torch.zeros_like(speech, dtype=dtype))

        def denoise(z: Tensor, timestep: int) -> Tensor:
            z = torch.cat([self.last, z[:, overlap:]], 1).to(dtype)
            steps = torch.full((1, frames), timestep, device=z.device)
            steps[:, :overlap] = 0

            def run(conditions: Conditions, emotion: EmotionPass) -> Tensor:
                return model.denoiser(z, steps, conditions, emotion).float()

            outputs = {"full": run(conditions, emotion)}
            if options.emotion_guidance != 1 or options.audio_guidance != 1:
                outputs["no_emotion"] = run(conditions, nothing)
            if options.audio_guidance != 1:
                outputs["none"] = run(unheard, nothing)
            return guide(outputs, options.audio_guidance, options.emotion_guidance)

        noise = self.noise[:, :frames]
        return sample(denoise, noise, model.alphas, options.steps, model.noise.prediction)

    @staticmethod
    def _track(latent: Tensor, start: int, frames: int) -> Tensor:
        return _part(latent.flatten(2), start, frames).unflatten(2, latent.shape[2:])


@torch.no_grad()
def animate(
    model: Composed,
    reference_3HW: Tensor,
    sound: Tensor | Iterator[Tensor],
    cue: EmotionCue,
    head_motion: HeadMotion | None,
    options: Options,
    points_K2: Tensor | None = None,
) -> Iterator[Tensor]:
    """Frames (f, 3, H, W) uint8, chunk by chunk: ceil(samples / 640) in all.

    Args:
        model: in evaluation mode.
        reference_3HW: the portrait, uint8, of the model's size.
        sound: waveform (S,) at 16 kHz, or an iterator over pieces of it.
        cue: the emotion; tracks shorter than the sound hold their last value.
        head_motion: (F, M), a function of (first frame, sound of the chunk), or None for a still head.
        options: how to sample.
        points_K2: the portrait's 478 points in pixels, for a codec that is relative to it; the portrait may
            then be of any size.

    Raises:
        ValueError: for a portrait of another size or without points, a bad cue, or a first chunk longer than
            the others.
    """
    if not 0 <= options.first_chunk <= model.chunk:
        raise ValueError(f"first_chunk={options.first_chunk}: 0 to {model.chunk} frames are allowed")
    if not model.codec.relative and tuple(reference_3HW.shape) != (3, model.size, model.size):
        raise ValueError(f"portrait {tuple(reference_3HW.shape)}, expected (3, {model.size}, {model.size})")
    clip, start = _Clip(model, reference_3HW, points_K2, cue, options), 0
    window = SpeechWindow(model.speech_features, model.speech_past, model.speech_future)
    first, chunk, future = (
        frames * SAMPLES_PER_FRAME
        for frames in (options.first_chunk or model.chunk, model.chunk, min(model.speech_future, model.chunk))
    )
    for heard, sound_after in sound_chunks(sound, first, chunk, future):
        current = whole_frames(heard)
        frames = len(current) // SAMPLES_PER_FRAME
        if head_motion is None:
            motion = torch.zeros(frames, len(HEAD_MOTION))
        else:
            motion = (
                head_motion[start : start + frames]
                if isinstance(head_motion, Tensor)
                else head_motion(start, current)
            )
        speech = window.tokens(current, sound_after)
        yield clip.frames(start, speech, motion[None].to(model.device))
        start += frames
