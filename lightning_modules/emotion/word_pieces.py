"""Words as hashed pieces, so that inflections and unknown words are read by what they are made of.

Bojanowski et al. 2017 ("Enriching word vectors with subword information"): a word is the mean of the vectors
of its character n-grams, and of its own.
"""

import re
import unicodedata
from functools import lru_cache
from zlib import crc32

SHORTEST, LONGEST = 3, 6  # characters of a piece, the marks of a word's beginning and end included
TOLD_BY = 4  # length of the pieces by which a word is recognised as known
KNOWN = 0.6  # share of them that training must have seen
# one Chinese, Japanese or Korean sign is a word; so is a sign that is no letter
WORD = re.compile(r"[㐀-鿿぀-ヿ가-힯]|(?:(?![㐀-鿿぀-ヿ가-힯])\w)+(?:['’-](?:(?![㐀-鿿぀-ヿ가-힯])\w)+)*|[^\w\s]")


def split_words(text: str, most: int) -> list[str]:
    """Up to `most` words of a text, in lower case and one normal form, marks of punctuation among them."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())[:most]


@lru_cache(maxsize=1 << 16)
def pieces(word: str) -> tuple[str, ...]:
    """The word with its marks, then its n-grams: `sad` gives `<sad>`, `<sa`, `sad`, `ad>`, `<sad`, `sad>`."""
    marked = f"<{word}>"
    grams = [
        marked[start : start + size]
        for size in range(SHORTEST, LONGEST + 1)
        for start in range(len(marked) - size + 1)
    ]
    return marked, *(gram for gram in grams if gram != marked)


@lru_cache(maxsize=1 << 16)
def piece_numbers(word: str, buckets: int) -> tuple[int, ...]:
    """A bucket for each piece of a word."""
    return tuple(crc32(piece.encode()) % buckets for piece in pieces(word))


@lru_cache(maxsize=1 << 16)
def telling_numbers(word: str, buckets: int) -> tuple[int, ...]:
    """Buckets of the pieces by which a word is recognised: of four characters; a short word itself."""
    marked = f"<{word}>"
    grams = {marked[start : start + TOLD_BY] for start in range(max(1, len(marked) - TOLD_BY + 1))}
    return tuple(crc32(gram.encode(), 1) % buckets for gram in sorted(grams))


def is_word(word: str) -> bool:
    """Whether it is made of letters, not of digits or marks."""
    return word[0].isalpha()
