"""Speech tokens per video frame: what is said, for the mouth.

B clip, S sample, F frame, N analysis frame, M mel band, T token, D width.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.batch import SAMPLES_PER_FRAME
from lightning_modules.interfaces import SpeechFeatures
from lightning_modules.pretrained import Frozen, load_pretrained
from lightning_modules.speech.mel import (
    FRAMES_PER_VIDEO_FRAME,
    check_waveform,
    log_mel,
    power_spectrum,
    running_level,
)
from lightning_modules.speech.pretrained import TRANSFORMERS_EPSILON, WAVE_MODELS, standardise

LIPS = ("opening", "rounding", "spreading", "pressing")
TRACKS = (*LIPS, "jaw")  # what the head learns; the jaw is seen through the opening

# Level against which the spectrum is measured: two seconds of past, a tenth of future, never below -60 dB
# full scale.
LEVEL_PAST, LEVEL_FUTURE, LEVEL_FLOOR = 200, 10, 1e-6
SPECTRUM_RANGE = 9.0  # nepers below the level that still count: 78 dB of power


class MelSpeechFeatures(SpeechFeatures):
    """A small convolutional network on the log-mel spectrum; a frame's tokens are the frames around it.

    Loudness is measured against a running level over a fixed window (2 s past, 0.1 s future), so gain drops
    out and a stream gives what the whole file gives: frame f depends on the sound of the frames f -
    `past_frames` to f + `future_frames` only. Long sound is worked through in pieces, with the same result in
    bounded memory.

    Args:
        width: size of a token.
        hidden: channels of the network.
        bands: mel bands.
        window: video frames to either side that a frame gets tokens of; T = 2 * window + 1.
        dilations: of the residual blocks at 50 Hz.
        phones: classes of speech sounds the diagnostic head tells apart.
        chunk_frames: video frames worked on at once when no gradient is wanted.
        future: video frames that may be looked ahead, at least 1, for live use. None looks ahead as far as
            back, and a tenth of a second more for the level.

    Raises:
        ValueError: if `future` is below 1.
    """

    def __init__(
        self,
        width: int = 64,
        hidden: int = 128,
        bands: int = 64,
        window: int = 2,
        dilations: tuple[int, ...] = (1, 2, 4),
        phones: int = 31,
        chunk_frames: int = 1500,
        future: int | None = None,
    ) -> None:
        super().__init__()
        if future is not None and future < 1:
            raise ValueError(f"future={future} of the speech features: expected at least 1 video frame")
        self.width, self.bands, self.window, self.chunk_frames = width, bands, window, chunk_frames
        self.tokens = 2 * window + 1
        self.ahead = window if future is None else max(min(window, future - 2), 0)
        self.level_future = LEVEL_FUTURE if future is None else 0
        looks = looks_ahead(dilations, None if future is None else 2 * (future - 1 - self.ahead))
        self.enter = nn.Conv1d(bands, hidden, 6, stride=2, padding=2)
        self.blocks = nn.ModuleList(
            ResidualConv(hidden, *pair) for pair in zip(dilations, looks, strict=True)
        )
        self.to_video_rate = nn.Conv1d(hidden, hidden, 2, stride=2)
        self.last = ResidualConv(hidden, 1, 1 if future is None else 0)
        self.leave = nn.Linear(hidden, width)
        self.place = nn.Parameter(0.1 * torch.randn(self.tokens, width))
        self.lips_head = nn.Linear(self.tokens * width, len(TRACKS))
        self.phone_head = nn.Linear(self.tokens * width, phones)
        # analysis frames: spectrum, first kernel, blocks at half the rate
        back = 2 + 3 + 2 * (2 * sum(dilations) - sum(looks)) + LEVEL_PAST
        on = 2 + 3 + 2 * sum(looks) + LEVEL_FUTURE
        self.past_frames = 2 + (2 * window - self.ahead) + video_frames(back)
        self.future_frames = 1 + window + video_frames(on) if future is None else future

    def forward(self, waveform_BS: Tensor) -> Tensor:
        check_waveform(waveform_BS)
        total = waveform_BS.shape[1] // SAMPLES_PER_FRAME
        if torch.is_grad_enabled() or total <= self.chunk_frames:
            return self._tokens(waveform_BS)
        pieces = []
        for start in range(0, total, self.chunk_frames):
            stop = min(start + self.chunk_frames, total)
            first, last = max(start - self.past_frames, 0), min(stop + self.future_frames, total)
            piece = waveform_BS[:, first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME]
            pieces.append(self._tokens(piece)[:, start - first : stop - first])
        return torch.cat(pieces, dim=1)

    def predict_lips(self, waveform_BS: Tensor) -> Tensor:
        """Opening, rounding, spreading, pressing of the lips in [0, 1] as heard (B, F, 4): for diagnosis."""
        return self.read(self(waveform_BS))[0][..., : len(LIPS)]

    def read(self, token_BFTD: Tensor) -> tuple[Tensor, Tensor]:
        """Lip tracks (B, F, 5) in [0, 1], in the order of `TRACKS`, and phone logits (B, F, phones)."""
        x_BFD = token_BFTD.flatten(2)
        return self.lips_head(x_BFD).sigmoid(), self.phone_head(x_BFD)

    def _tokens(self, waveform_BS: Tensor) -> Tensor:
        x_BNM = relative_spectrum(waveform_BS, self.bands, self.level_future)
        x_BDN = self.enter(x_BNM.transpose(1, 2))
        for block in self.blocks:
            x_BDN = block(x_BDN)
        x_BDF = self.last(self.to_video_rate(x_BDN))
        x_BFD = self.leave(functional.gelu(x_BDF).transpose(1, 2))
        return around_each_frame(x_BFD, self.window, self.ahead) + self.place


class ResidualConv(nn.Module):
    """Normalise each instant, convolve over time, add. (B, D, N) to the same.

    Args:
        width: channels.
        dilation: distance of the kernel's three taps.
        ahead: steps of what is to come that the last tap sees.
    """

    def __init__(self, width: int, dilation: int, ahead: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.reach = (2 * dilation - ahead, ahead)
        self.conv = nn.Conv1d(width, width, 3, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, x_BDN: Tensor) -> Tensor:
        y = self.norm(x_BDN.transpose(1, 2)).transpose(1, 2)
        return x_BDN + self.mix(functional.gelu(self.conv(functional.pad(y, self.reach))))


def looks_ahead(dilations: Sequence[int], budget: int | None) -> list[int]:
    """How far each block looks ahead: as far as back, or, the early ones first, `budget` steps in all."""
    looks = []
    for dilation in dilations:
        looks.append(dilation if budget is None else min(dilation, budget - sum(looks)))
    return looks


class Wav2Vec2SpeechFeatures(SpeechFeatures):
    """Hidden states of a wav2vec2-type model at video rate, as Hallo-type talking heads use them.

    The convolutional features are interpolated (aligned corners) to 25 per second before the transformer
    layers, all layers are stacked, a window of frames is joined and projected. The model itself is frozen;
    the projection trains.

    Args:
        folder: a model in transformers format (wav2vec2, HuBERT, WavLM, data2vec-audio), read from disk only.
        width: size of a token.
        tokens: tokens per frame (Hallo: 32).
        window: video frames to either side (Hallo: 2).
        hidden: channels inside the projection (Hallo: 512).
        chunk_frames: video frames worked on at once when no gradient is wanted; the transformer sees no
            further.
    """

    def __init__(
        self,
        folder: str,
        width: int = 768,
        tokens: int = 32,
        window: int = 2,
        hidden: int = 512,
        chunk_frames: int = 1500,
    ) -> None:
        super().__init__()
        self.width, self.tokens, self.window, self.chunk_frames = width, tokens, window, chunk_frames
        self.model = Frozen(load_pretrained(folder, WAVE_MODELS))
        config = self.model.inner.config
        joined = (2 * window + 1) * config.num_hidden_layers * config.hidden_size
        self.projection = nn.Sequential(
            nn.Linear(joined, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, tokens * width),
            nn.Unflatten(-1, (tokens, width)),
            nn.LayerNorm(width),
        )

    def forward(self, waveform_BS: Tensor) -> Tensor:
        check_waveform(waveform_BS)
        pieces = waveform_BS.split(self.chunk_frames * SAMPLES_PER_FRAME, dim=1)
        states_BFD = torch.cat([self.hidden_states(piece) for piece in pieces], dim=1)
        return self.projection(around_each_frame(states_BFD, self.window).flatten(2))

    @torch.no_grad()
    def hidden_states(self, waveform_BS: Tensor) -> Tensor:
        """States of all layers side by side (B, F, layers * hidden), one row per video frame."""
        frames = waveform_BS.shape[1] // SAMPLES_PER_FRAME
        model = self.model.inner
        heard_BS = standardise(waveform_BS, TRANSFORMERS_EPSILON)
        features_BDN = cast(Tensor, model.feature_extractor(heard_BS))
        features_BDF = functional.interpolate(features_BDN, size=frames, mode="linear", align_corners=True)
        projected, _ = model.feature_projection(features_BDF.transpose(1, 2))
        return torch.cat(layer_states(model.encoder, projected), dim=-1)


def layer_states(encoder: nn.Module, x_BFD: Tensor) -> list[Tensor]:
    """Output (B, F, D) of each transformer layer; the last one with the encoder's final norm."""
    states: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Tensor | tuple[Tensor, ...]) -> None:
        states.append(output if isinstance(output, Tensor) else output[0])

    hooks = [layer.register_forward_hook(keep) for layer in cast(nn.ModuleList, encoder.layers)]
    try:
        last_BFD = encoder(x_BFD).last_hidden_state
    finally:
        for hook in hooks:
            hook.remove()
    return [*states[:-1], last_BFD]


def relative_spectrum(waveform_BS: Tensor, bands: int, future: int = LEVEL_FUTURE) -> Tensor:
    """Log-mel spectrum against the running level (B, N, M), about -1 to 1: gain drops out above the floor."""
    power_BNK = power_spectrum(waveform_BS)
    level_BN = running_level(power_BNK.sum(-1), LEVEL_PAST, future, LEVEL_FLOOR)
    relative_BNM = log_mel(power_BNK, bands) - level_BN[..., None]
    return 1 + relative_BNM.clamp(-SPECTRUM_RANGE - 3, 0) / (SPECTRUM_RANGE / 2)


def video_frames(analysis_frames: int) -> int:
    """Whole video frames that hold so many analysis frames."""
    return -(-analysis_frames // FRAMES_PER_VIDEO_FRAME)


def around_each_frame(x_BFD: Tensor, window: int, ahead: int | None = None) -> Tensor:
    """2 * window + 1 frames as tokens (B, F, 2 * window + 1, D): f - window .. f + window; the ends repeat.

    Of these, `ahead` lie after f where that is given, and the others at and before it.
    """
    frames, last = x_BFD.shape[1], window if ahead is None else ahead
    offset_FT = torch.arange(frames, device=x_BFD.device)[:, None] + torch.arange(
        last - 2 * window, last + 1, device=x_BFD.device
    )
    return x_BFD[:, offset_FT.clamp(0, frames - 1)]
