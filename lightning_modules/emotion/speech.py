"""Tone of voice to emotion tokens. B clip, S sample, N analysis frame, M mel band, T token, D width."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.batch import FPS, SAMPLES_PER_FRAME
from lightning_modules.emotion.pooling import AttentivePooling
from lightning_modules.interfaces import EmotionEncoder
from lightning_modules.pretrained import Frozen
from lightning_modules.speech.mel import PROSODY, check_waveform, log_mel, power_spectrum, prosody
from lightning_modules.speech.pretrained import load_wave_model, standardise

# Frames this far (nepers of power, 52 dB) under the loudest frame of a clip are pauses: they do not count.
PAUSE = 12.0
BANDS = 40
TRACKS = BANDS + len(PROSODY)
STEP = 4  # analysis frames to a step
DILATIONS = (1, 2, 4)


class SpeechEmotionEncoder(EmotionEncoder):
    """One utterance to a fixed number of tokens; pauses and silence around the voice have no influence.

    Without `folder` a small convolutional network on log-mel and prosody, to be trained by its own
    experiment. With `folder` emotion2vec as its authors published it, or a wav2vec2, HuBERT, WavLM or
    data2vec-audio model in transformers format, frozen: then only the pooling trains and `width` is the
    model's own.

    Args:
        width: size of a token of the small network; ignored with `folder`.
        tokens: tokens per utterance.
        hidden: channels of the small network; 0 leaves only its summary of the whole utterance.
        dropout: of whole channels, inside the small network.
        longest_seconds: what is listened to; the middle of longer sound.
        lags: over how many analysis frames (of 10 ms) the summary hears the tracks change, each lag apart;
            short ones tell of single sounds, long ones of syllables and stress. Ignored with `folder`.
        folder: a model on disk; nothing is ever fetched.
    """

    modality = "speech"

    def __init__(
        self,
        width: int = 96,
        tokens: int = 4,
        hidden: int = 96,
        dropout: float = 0.1,
        longest_seconds: float = 20.0,
        lags: Sequence[int] = (1,),
        folder: str | None = None,
    ) -> None:
        super().__init__()
        self.longest = max(int(longest_seconds * FPS), 1) * SAMPLES_PER_FRAME
        self.model: nn.Module
        if folder is None:
            self.model = VoiceNet(width, hidden, dropout, lags)
        else:
            network, width, self.epsilon = load_wave_model(folder)
            self.model = Frozen(network)
        self.width, self.tokens = width, tokens
        self.pool = AttentivePooling(width, tokens, spread=folder is None)

    def forward(self, cue: Tensor | list[str]) -> Tensor:
        if not isinstance(cue, Tensor):
            raise ValueError(f"speech: expected a waveform (B, S), got {type(cue).__name__}")
        cue = check_waveform(cue)
        start = max(cue.shape[1] - self.longest, 0) // (2 * SAMPLES_PER_FRAME) * SAMPLES_PER_FRAME
        waveform_BS = cue[:, start : start + self.longest]
        power_BNK = power_spectrum(waveform_BS)
        voice_BN = counting_frames(power_BNK.sum(-1))
        if isinstance(self.model, VoiceNet):
            return self.pool(*self.model(voice_tracks(waveform_BS, power_BNK), voice_BN))[:, None]
        state_BND = self._published(waveform_BS)
        at = torch.linspace(0, voice_BN.shape[1] - 1, state_BND.shape[1], device=cue.device).round().long()
        return self.pool(state_BND, voice_BN[:, at] | ~voice_BN[:, at].any(1, keepdim=True))[:, None]

    def _published(self, waveform_BS: Tensor) -> Tensor:
        """Last states (B, N, D) of the model in `folder`, which hears what it was trained to hear."""
        heard_BS = waveform_BS if self.epsilon is None else standardise(waveform_BS, self.epsilon)
        output = cast(Frozen, self.model).inner(heard_BS)
        return output if isinstance(output, Tensor) else output.last_hidden_state


class VoiceNet(nn.Module):
    """Convolutions over a second of features, beside a summary of the whole: (B, N, C) to steps at 25 Hz.

    Args:
        width: of a step.
        hidden: channels inside; with 0 there are no convolutions, and the summary is the only step.
        dropout: share of channels, and of the summary, that are switched off in training.
        lags: of the change in the summary, in analysis frames.
    """

    def __init__(self, width: int, hidden: int, dropout: float, lags: Sequence[int] = (1,)) -> None:
        super().__init__()
        if any(lag < 1 for lag in lags):
            raise ValueError(f"lags={list(lags)}, expected analysis frames, each at least 1")
        self.hidden, self.lags = hidden, tuple(lags)
        if hidden:
            self._add_convolutions(width, dropout)
        # the tracks' units differ widely; after this each counts alike from the first step on
        summary = (4 + len(self.lags)) * TRACKS
        self.standardise = nn.BatchNorm1d(summary, affine=False)
        self.whole = nn.Sequential(nn.Dropout(dropout), nn.Linear(summary, width))

    def _add_convolutions(self, width: int, dropout: float) -> None:
        hidden = self.hidden
        self.enter = nn.Conv1d(2 * TRACKS, hidden, STEP, stride=STEP)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in DILATIONS)
        self.convs = nn.ModuleList(nn.Conv1d(hidden, hidden, 3, padding=d, dilation=d) for d in DILATIONS)
        self.drop_channels = nn.Dropout1d(dropout)
        self.leave = nn.Linear(hidden, width)
        nn.init.zeros_(self.leave.weight)  # the summary speaks first: it is what few utterances can teach

    def forward(self, track_BNC: Tensor, mask_BN: Tensor) -> tuple[Tensor, Tensor]:
        """Steps (B, N / 4 or 1, width), and which of them count; what lies outside the mask reaches none."""
        keep_BN1 = mask_BN[..., None].to(track_BNC.dtype)
        summary_BC = self.standardise(summarise(track_BNC, keep_BN1, self.lags)).clamp(-4, 4)
        if not self.hidden:
            return self.whole(summary_BC)[:, None], torch.ones_like(mask_BN[:, :1])
        step_mask_BN = mask_BN.unflatten(1, (-1, STEP)).any(dim=-1)
        step_BND = self._convolve(track_BNC, keep_BN1, step_mask_BN[:, None].to(track_BNC.dtype))
        return step_BND + self.whole(summary_BC)[:, None], step_mask_BN

    def _convolve(self, track_BNC: Tensor, keep_BN1: Tensor, keep_B1N: Tensor) -> Tensor:
        """Steps (B, N / 4, width), given the weight of every frame (B, N, 1) and step (B, 1, N / 4)."""
        mean_B1C = weighted_mean(track_BNC, keep_BN1)
        # as it is: how loud, high and bright on the whole; against its mean: how it moves, whoever speaks
        heard_BNC = torch.cat([track_BNC, track_BNC - mean_B1C], dim=-1) * keep_BN1
        x = self.drop_channels(self.enter(heard_BNC.transpose(1, 2)))
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = functional.gelu(norm(x.transpose(1, 2))).transpose(1, 2) * keep_B1N
            x = x + self.drop_channels(conv(y))
        return self.leave(x.transpose(1, 2))


def weighted_mean(x_BNC: Tensor, weight_BN1: Tensor) -> Tensor:
    """Mean over frames (B, 1, C); zero where all weights are."""
    return (x_BNC * weight_BN1).sum(1, keepdim=True) / weight_BN1.sum(1, keepdim=True).clamp_min(1e-3)


def summarise(track_BNC: Tensor, keep_BN1: Tensor, lags: Sequence[int] = (1,)) -> Tensor:
    """Four numbers for each track over the utterance and one for each lag (B, (4 + lags) TRACKS).

    Mean and standard deviation, over all frames that count and over voiced sound alone; the mean size of the
    change over each lag, zero where the utterance is shorter.
    """
    parts = []
    for weight_BN1 in (keep_BN1, keep_BN1 * track_BNC[..., -1:]):  # the last track is voicing
        mean_B1C = weighted_mean(track_BNC, weight_BN1)
        variance_B1C = weighted_mean((track_BNC - mean_B1C).square(), weight_BN1)
        parts += [mean_B1C, variance_B1C.clamp_min(1e-6).sqrt()]
    for lag in lags:
        both_BN1 = keep_BN1[:, lag:] * keep_BN1[:, :-lag]
        parts.append(weighted_mean((track_BNC[:, lag:] - track_BNC[:, :-lag]).abs(), both_BN1))
    return torch.cat(parts, dim=-1).squeeze(1)


def counting_frames(power_BN: Tensor) -> Tensor:
    """True (B, N) where a frame is voice, not pause: within `PAUSE` of the clip's loudest; all, if silent."""
    loudest_B1 = power_BN.amax(dim=1, keepdim=True)
    return power_BN >= loudest_B1 * torch.tensor(-PAUSE).exp()


def voice_tracks(waveform_BS: Tensor, power_BNK: Tensor) -> Tensor:
    """What the network hears (B, N, TRACKS): log-mel spectrum and prosody, each of order one."""
    bands_BNM = log_mel(power_BNK, BANDS) / 5 + 2
    return torch.cat([bands_BNM, prosody(waveform_BS, power_BNK)], dim=-1)
