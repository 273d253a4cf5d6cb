"""Published speech models from a folder on disk.

Most are loaded by transformers. emotion2vec has no class there and one here: its network is that of data2vec
2.0, while `Data2VecAudioModel` is data2vec 1.0, and no renaming of tensors turns one into the other
(huggingface/transformers issues 23069 and 30805).
"""

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn import functional

from lightning_modules.pretrained import load_pretrained
from lightning_modules.speech.emotion2vec_files import load_emotion2vec

WAVE_MODELS = {
    "wav2vec2": "Wav2Vec2Model",
    "hubert": "HubertModel",
    "wavlm": "WavLMModel",
    "data2vec-audio": "Data2VecAudioModel",
}
# What the preparations add to the variance of a clip: transformers' `Wav2Vec2FeatureExtractor`, and FunASR.
TRANSFORMERS_EPSILON, FUNASR_EPSILON = 1e-7, 1e-5


class WaveModel(NamedTuple):
    """A speech model as published.

    Attributes:
        network: from a waveform (B, S) at 16 kHz to states (B, N, `width`), or to an output of transformers.
        width: of a state.
        epsilon: of `standardise`, which prepares the waveform; None if it is heard as it is.
    """

    network: Any
    width: int
    epsilon: float | None


def load_wave_model(folder: str) -> WaveModel:
    """The speech model in `folder`: wav2vec2, HuBERT, WavLM, data2vec-audio (transformers) or emotion2vec.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is of another kind.
    """
    path = Path(folder).expanduser()
    if (path / "config.json").is_file():
        network = load_pretrained(folder, WAVE_MODELS)
        return WaveModel(network, network.config.hidden_size, TRANSFORMERS_EPSILON)
    network, normalised = load_emotion2vec(path)
    return WaveModel(network, network.settings.width, FUNASR_EPSILON if normalised else None)


def standardise(waveform_BS: Tensor, epsilon: float) -> Tensor:
    """Each clip with zero mean and unit variance."""
    return functional.layer_norm(waveform_BS, waveform_BS.shape[1:], eps=epsilon)
