"""A description to emotion tokens by the pieces of its words. B clip, N word, P piece, T token, D width."""

import torch
from torch import Tensor, nn

from datamodules.batch import UNKNOWN_WORD
from lightning_modules.emotion.pooling import AttentivePooling
from lightning_modules.emotion.word_pieces import (
    KNOWN,
    is_word,
    piece_numbers,
    split_words,
    telling_numbers,
)
from lightning_modules.interfaces import EmotionEncoder

STRANGE_PIECES = 12  # random pieces of a word that nobody knows, about as many as a word of six letters has


class WordingEncoder(EmotionEncoder):
    """A small reader of descriptions: words by their pieces, a recurrent network over them, pooled to tokens.

    It trains in minutes on one core, and knows which words it has read: `unknown_words`.

    Args:
        width: size of a token.
        tokens: tokens per text.
        buckets: of the hash table of pieces; two pieces in one bucket share a vector.
        piece_width: size of a piece's vector.
        words: that are read; the rest is cut off.
        forgotten: share of the words that training takes for unknown ones, so that a sentence is read in
            spite of them.
        known_buckets: of the table of pieces that training has seen.
    """

    modality = "text"
    seen: Tensor

    def __init__(
        self,
        width: int = 96,
        tokens: int = 4,
        buckets: int = 8192,
        piece_width: int = 48,
        words: int = 64,
        forgotten: float = 0.05,
        known_buckets: int = 1 << 16,
    ) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"width={width}: expected an even number, half of it is read in each direction")
        if not 0 <= forgotten < 1:
            raise ValueError(f"forgotten={forgotten}, expected 0 up to below 1")
        self.width, self.tokens, self.words = width, tokens, words
        self.buckets, self.forgotten, self.known_buckets = buckets, forgotten, known_buckets
        self.piece = nn.EmbeddingBag(buckets, piece_width, mode="mean")
        nn.init.normal_(self.piece.weight, std=0.3)
        self.word = nn.Sequential(
            nn.Dropout(0.1), nn.Linear(piece_width, width), nn.LayerNorm(width), nn.SiLU()
        )
        self.order = nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
        self.pool = AttentivePooling(width, tokens)
        self.register_buffer("seen", torch.zeros(known_buckets, dtype=torch.bool))

    def forward(self, cue: Tensor | list[str]) -> Tensor:
        """Tokens (B, 1, T, D) of B texts."""
        if isinstance(cue, Tensor) or not all(isinstance(text, str) for text in cue):
            raise ValueError("text: expected a list of strings, one per clip")
        texts = [split_words(text, self.words) or [UNKNOWN_WORD] for text in cue]
        if self.training:
            self._remember(texts)
        length_B = torch.tensor([len(text) for text in texts])
        mask_BN = (torch.arange(int(length_B.max())) < length_B[:, None]).to(self.device)
        word_ND = self._words([word for text in texts for word in text])
        x_BND = word_ND.new_zeros(*mask_BN.shape, self.width)
        x_BND[mask_BN] = word_ND
        packed = nn.utils.rnn.pack_padded_sequence(x_BND, length_B, batch_first=True, enforce_sorted=False)
        read_BND, _ = nn.utils.rnn.pad_packed_sequence(self.order(packed)[0], batch_first=True)
        return self.pool(x_BND + read_BND, mask_BN)[:, None]

    def _words(self, words: list[str]) -> Tensor:
        """One vector for each word (N, D); in training some are forgotten."""
        lost = torch.rand(len(words)) < (self.forgotten if self.training else 0.0)
        numbers = [
            torch.randint(self.buckets, (STRANGE_PIECES,)).tolist()
            if self.training and (is_lost or word == UNKNOWN_WORD)
            else piece_numbers(word, self.buckets)
            for word, is_lost in zip(words, lost.tolist(), strict=True)
        ]
        flat = torch.tensor([number for word in numbers for number in word], device=self.device)
        end = torch.tensor([len(word) for word in numbers], device=self.device).cumsum(0)
        return self.word(self.piece(flat, torch.cat([end.new_zeros(1), end[:-1]])))

    @torch.no_grad()
    def _remember(self, texts: list[list[str]]) -> None:
        words = {word for text in texts for word in text if word != UNKNOWN_WORD}
        numbers = [number for word in words for number in telling_numbers(word, self.known_buckets)]
        self.seen[torch.tensor(numbers, dtype=torch.long, device=self.device)] = True

    def unknown_words(self, text: str) -> list[str]:
        """Those words of a text that training had nothing like, each once; digits and marks are no words."""
        words = [word for word in split_words(text, self.words) if is_word(word)]
        return [word for word in dict.fromkeys(words) if not self._knows(word)]

    def known_share(self, text: str) -> float:
        """Share of the words of a text that training had something like; 0 for a text without words."""
        words = [word for word in split_words(text, self.words) if is_word(word)]
        return sum(map(self._knows, words)) / len(words) if words else 0.0

    def _knows(self, word: str) -> bool:
        numbers = torch.tensor(telling_numbers(word, self.known_buckets), device=self.device)
        return float(self.seen[numbers].float().mean()) >= KNOWN
