"""Published networks from a folder on disk: loaded by transformers, never fetched, never trained.

Of emotion2vec (Ma et al. 2023) transformers has no class. Its files, such as `emotion2vec_base.pt` or the
`model.pt` of emotion2vec+, are PyTorch checkpoints for FunASR whose network is that of data2vec 2.0: blocks
with ALiBi attention and ten extra tokens. `Data2VecAudioModel` is data2vec 1.0; no renaming of tensors turns
one into the other (huggingface/transformers issues 23069 and 30805). What fits of that kind are data2vec 1.0
models in transformers format, as they are or tuned for emotion, such as facebook/data2vec-audio-base. A
checkpoint of fairseq's becomes one by `convert_data2vec_audio_original_pytorch_checkpoint_to_pytorch.py` of
transformers 4, run where fairseq is installed.
"""

import json
from pathlib import Path
from typing import Any

from torch import nn

# ByT5 calls itself t5.
TEXT_MODELS = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}
WAVE_MODELS = {
    "wav2vec2": "Wav2Vec2Model",
    "hubert": "HubertModel",
    "wavlm": "WavLMModel",
    "data2vec-audio": "Data2VecAudioModel",
}


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
