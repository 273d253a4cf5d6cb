"""A description to emotion tokens. B clip, N byte or word piece, T token, D width."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.emotion.pooling import AttentivePooling
from lightning_modules.interfaces import EmotionEncoder
from lightning_modules.pretrained import Frozen, load_pretrained

# ByT5 calls itself t5.
TEXT_MODELS = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}
# The byte vocabulary of ByT5 (Xue et al. 2022): three special ids, then the 256 bytes.
PAD, END, FIRST_BYTE = 0, 1, 3
BYTE_VOCABULARY = FIRST_BYTE + 256


class TextEncoder(EmotionEncoder):
    """The encoder half of a T5, pooled to a fixed number of tokens; padding has no influence on them.

    Without `folder` a small T5 on UTF-8 bytes, to be trained by its own experiment. With `folder` any T5, mT5
    or ByT5 in transformers format, tokeniser included, frozen: then only the pooling trains and `width` is
    the model's own.

    Args:
        width: size of a token of the small model; ignored with `folder`.
        tokens: tokens per text.
        layers: of the small model.
        heads: of the small model.
        max_length: bytes or word pieces that are read; the rest is cut off.
        folder: a model on disk; nothing is ever fetched.
    """

    modality = "text"

    def __init__(
        self,
        width: int = 96,
        tokens: int = 4,
        layers: int = 3,
        heads: int = 4,
        max_length: int = 192,
        folder: str | None = None,
    ) -> None:
        super().__init__()
        self.tokenise: Callable[[list[str], int], Tensor]
        if folder is None:
            self.t5: nn.Module = SmallT5(width, layers, heads)
            self.tokenise = byte_ids
        else:
            self.t5 = Frozen(load_pretrained(folder, TEXT_MODELS))
            self.tokenise = folder_tokeniser(folder)
            width = self.t5.inner.config.d_model
        self.width, self.tokens, self.max_length = width, tokens, max_length
        self.pool = AttentivePooling(width, tokens)

    def forward(self, cue: Tensor | list[str]) -> Tensor:
        if isinstance(cue, Tensor) or not all(isinstance(text, str) for text in cue):
            raise ValueError("text: expected a list of strings, one per clip")
        id_BN = self.tokenise(cue, self.max_length).to(self.device)
        mask_BN = id_BN != PAD
        if isinstance(self.t5, Frozen):
            x_BND = self.t5.inner(input_ids=id_BN, attention_mask=mask_BN.long()).last_hidden_state
            return self.pool(x_BND, mask_BN)[:, None]
        x_BND, mask_BN = self.t5(id_BN, mask_BN)
        return self.pool(x_BND, mask_BN)[:, None]


class SmallT5(nn.Module):
    """A T5 encoder on pairs of bytes: convolutions over nine bytes find pieces of words, the T5 relates them.

    Without the convolutions a network this small takes many times as long to find words in bytes. Charformer
    (Tay et al. 2022) and CANINE (Clark et al. 2022) shorten bytes before the transformer, too.
    """

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.encoder = small_t5(width, layers, heads)
        self.find = nn.Conv1d(width, width, 5, padding=2)
        self.shorten = nn.Conv1d(width, width, 6, stride=2, padding=2)

    def forward(self, id_BN: Tensor, mask_BN: Tensor) -> tuple[Tensor, Tensor]:
        """States (B, N / 2, D) and which of them count; padding reaches none."""
        odd = id_BN.shape[1] % 2
        mask_BN = functional.pad(mask_BN, (0, odd))
        keep_B1N = mask_BN[:, None].to(self.find.weight.dtype)
        x_BDN = self.encoder.shared(functional.pad(id_BN, (0, odd))).transpose(1, 2)
        x_BDN = (x_BDN + functional.gelu(self.find(x_BDN * keep_B1N))) * keep_B1N
        mask_BN = mask_BN.unflatten(1, (-1, 2)).any(dim=-1)
        x_BND = functional.gelu(self.shorten(x_BDN)).transpose(1, 2)
        output = self.encoder(inputs_embeds=x_BND, attention_mask=mask_BN.long())
        return output.last_hidden_state, mask_BN


def small_t5(width: int, layers: int, heads: int) -> Any:
    """A T5 encoder on bytes, random weights, gated GELU as in T5 1.1."""
    from transformers import T5Config, T5EncoderModel

    if width % heads:
        raise ValueError(f"width={width} does not divide into heads={heads}")
    config = T5Config(
        vocab_size=BYTE_VOCABULARY,
        d_model=width,
        d_kv=width // heads,
        d_ff=2 * width,
        num_layers=layers,
        num_heads=heads,
        feed_forward_proj="gated-gelu",
        pad_token_id=PAD,
        eos_token_id=END,
    )
    return T5EncoderModel(config)


def byte_ids(texts: list[str], max_length: int) -> Tensor:
    """Padded ids (B, N) as ByT5's tokeniser gives them: bytes shifted by three, then the end sign."""
    rows = [[*(byte + FIRST_BYTE for byte in text.encode()[: max_length - 1]), END] for text in texts]
    longest = max(map(len, rows), default=0)
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows], dtype=torch.long)


def folder_tokeniser(folder: str) -> Callable[[list[str], int], Tensor]:
    """The tokeniser that lies beside a published model, as a function like `byte_ids`."""
    from transformers import AutoTokenizer

    tokeniser = AutoTokenizer.from_pretrained(Path(folder).expanduser(), local_files_only=True)
    if tokeniser.pad_token_id != PAD:
        raise ValueError(f"{folder}: its tokeniser pads with {tokeniser.pad_token_id}, a T5 with {PAD}")

    def tokenise(texts: list[str], max_length: int) -> Tensor:
        ids = tokeniser(texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
        return cast(Tensor, ids["input_ids"])

    return tokenise
