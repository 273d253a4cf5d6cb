"""Published networks from a folder on disk: never fetched, never trained.

Most are loaded by transformers. emotion2vec has no class there and one here: its network is that of data2vec
2.0, while `Data2VecAudioModel` is data2vec 1.0, and no renaming of tensors turns one into the other
(huggingface/transformers issues 23069 and 30805).
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.speech.emotion2vec_files import load_emotion2vec

# ByT5 calls itself t5.
TEXT_MODELS = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}
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


class Frozen(nn.Module):
    """A network that gets no gradient and stays in evaluation mode whatever its owner does."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Frozen":
        return super().train(False)


def load_pretrained(folder: str, classes: dict[str, str]) -> Any:
    """The transformers model in `folder`, built by the class its `model_type` has in `classes`.

    Raises:
        FileNotFoundError: if there is no `config.json` in the folder.
        ValueError: if the model is of a kind that `classes` lacks.
    """
    path = Path(folder).expanduser()
    config = path / "config.json"
    if not config.is_file():
        raise FileNotFoundError(f"{folder}: no config.json there; expected a model in transformers format")
    kind = json.loads(config.read_text()).get("model_type")
    if kind not in classes:
        raise ValueError(f"{folder}: model type {kind!r}, expected one of {', '.join(classes)}")
    import transformers

    return getattr(transformers, classes[kind]).from_pretrained(path, local_files_only=True)


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
