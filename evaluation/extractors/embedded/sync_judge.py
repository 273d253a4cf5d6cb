"""The embedded lip-sync judge: do these lips move with this sound. Not SyncNet, nor comparable with it.

B clip, F frame, N window, C channel, H row, W column, S sample, R row of a spectrum (four a frame),
M mel band, D width.

Two towers as in SyncNet (Chung & Zisserman 2016), much smaller: of the picture a fixed square around the
mouth of a face crop, grey, so that no landmarks are needed; of the sound the logarithm of its mel spectrum
over the loudest level of the clip. Windows of five frames, one frame apart; unit embeddings.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.extractors.network import EmbeddedJudge, preprocess
from evaluation.signals.mfcc import emphasise, mel_filters, power_spectrum

EMBEDDING = 64
FRAMES = 5  # of a window
TOP, LEFT, SIDE = 56, 36, 56  # the mouth's square in a face crop of 128 pixels, framed as all clips here are
SAMPLES_A_FRAME = 640  # 16 kHz at 25 frames a second
BESIDE = 120  # samples around a row's own 160 that its spectrum sees to either side
FLOOR = 1e-4  # -40 dB below the loud level: room noise and digital silence look alike
SILENCE = 1e-9  # the least loud level, mean power in a band
GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
CHUNK = 256  # frames at a time


def mel_power(sound_S: Tensor) -> Tensor:
    """Power (R, 26) in mel bands, float32; row r is centred on sample 160 r + 80, R = S // 160.

    Args:
        sound_S: 16 kHz, mono, in [-1, 1]; zeros count as what lies around it.
    """
    rows = len(sound_S) // 160
    padded = F.pad(emphasise(sound_S.double()), (BESIDE, BESIDE))
    return (power_spectrum(padded)[:rows] @ mel_filters().to(padded.device).mT).float()


def loudness(power_BRM: Tensor) -> Tensor:
    """Log power (B, R, M) over the mean of the loudest fifth of a clip's rows: no gain changes it."""
    row_BR = power_BRM.mean(2)
    loud_B = row_BR.topk(max(1, row_BR.shape[1] // 5), dim=1).values.mean(1)
    return (power_BRM / loud_B.clamp(min=SILENCE)[:, None, None] + FLOOR).log() / 3 + 1


def standard(x_BFHW: Tensor) -> Tensor:
    """Each grey picture at mean 0 and deviation 1; a flat one stays at 0."""
    x_BFHW = x_BFHW - x_BFHW.mean((2, 3), keepdim=True)
    return x_BFHW / (x_BFHW.square().mean((2, 3), keepdim=True).sqrt() + 0.02)


def halve(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution of stride 2, normalised."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, 2, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def sift(inputs: int, outputs: int, rows: int, stride: int) -> nn.Sequential:
    """Convolution over rows (no padding) and bands (halved), normalised."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (rows, 3), (stride, 2), (0, 1), bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def over_time(inputs: int) -> nn.Sequential:
    """What three neighbouring moments make together, down to an embedding."""
    return nn.Sequential(
        nn.Conv1d(inputs, 128, 3),
        nn.BatchNorm1d(128),
        nn.ReLU(inplace=True),
        nn.Conv1d(128, EMBEDDING, 1),
    )


class SyncJudge(EmbeddedJudge):
    """Embeddings in which lips lie near their own speech; an `Extractor` marked embedded."""

    kind = "judge-sync"
    version = "1"
    name = "embedded-sync"
    provides = ("embedded_sync_video", "embedded_sync_audio")

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(halve(3, 16, 5), halve(16, 32, 3), halve(32, 48, 3), halve(48, 64, 3))
        self.see = nn.Sequential(nn.Linear(64 * 16, 96), nn.BatchNorm1d(96), nn.ReLU(inplace=True))
        self.lips = over_time(96)
        self.listen = nn.Sequential(sift(1, 24, 3, 1), sift(24, 32, 4, 2), sift(32, 48, 4, 2))
        self.speech = over_time(48 * 4)

    def watch(self, x_BFHW: Tensor) -> Tensor:
        """Unit embeddings (B, F - 4, 64) of grey mouths (B, F, 56, 56) of any contrast.

        Each moment is seen with its two neighbours, so that motion shows in the first layer.
        """
        x_BFHW = standard(x_BFHW)
        moments = x_BFHW.unfold(1, 3, 1).permute(0, 1, 4, 2, 3).flatten(0, 1)
        looks = self.look(moments.contiguous(memory_format=torch.channels_last)).flatten(1)
        seen_BCN = self.see(looks).unflatten(0, (len(x_BFHW), -1)).mT
        return F.normalize(self.lips(seen_BCN).mT, dim=-1)

    def hear(self, power_BRM: Tensor) -> Tensor:
        """Unit embeddings (B, R / 4 - 4, 64) of mel power; window n sees the sound of frames n to n + 4."""
        heard_BCNM = self.listen(loudness(power_BRM)[:, None])
        return F.normalize(self.speech(heard_BCNM.transpose(2, 3).flatten(1, 2)).mT, dim=-1)

    @torch.inference_mode()
    def measure(self, frames_F3HW: Tensor) -> dict[str, Tensor]:
        """`embedded_sync_video` (F - 4, 64) of uint8 RGB face crops at 25 a second.

        Of fewer than five frames there are no windows: (0, 64).
        """
        grey = torch.cat([mouths(chunk) for chunk in frames_F3HW.split(CHUNK)])
        if len(grey) < FRAMES:
            return {"embedded_sync_video": grey.new_zeros(0, EMBEDDING)}
        starts = range(0, len(grey) - FRAMES + 1, CHUNK)
        parts = [self.watch(grey[None, i : i + CHUNK + FRAMES - 1])[0].float() for i in starts]
        return {"embedded_sync_video": torch.cat(parts)}

    @torch.inference_mode()
    def measure_sound(self, sound_S: Tensor) -> dict[str, Tensor]:
        """`embedded_sync_audio` (S // 640 - 4, 64) of mono sound at 16 kHz; (0, 64) below five frames.

        Raises:
            ValueError: for another number of axes or values that are not finite.
        """
        if sound_S.ndim != 1 or not torch.isfinite(sound_S).all():
            raise ValueError(f"{self.name} needs finite mono sound (S,), got {tuple(sound_S.shape)}")
        whole = len(sound_S) // SAMPLES_A_FRAME
        if whole < FRAMES:
            return {"embedded_sync_audio": sound_S.new_zeros(0, EMBEDDING)}
        power = mel_power(sound_S[: whole * SAMPLES_A_FRAME])
        return {"embedded_sync_audio": self.hear(power[None])[0].float()}


def grey_of(frames_NCHW: Tensor, weight_3: tuple[float, float, float] = GREY) -> Tensor:
    """Grey (N, H, W) of colours."""
    return torch.einsum("nchw,c->nhw", frames_NCHW, frames_NCHW.new_tensor(weight_3))


def mouths(frames_F3HW: Tensor) -> Tensor:
    """Grey squares (F, 56, 56) in [-1, 1] around the mouths of uint8 RGB face crops of any size."""
    x = preprocess(frames_F3HW)[:, :, TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    return grey_of(x)
