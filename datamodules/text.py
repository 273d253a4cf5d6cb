"""Text that people wrote, in the encodings that editors and spreadsheets leave."""

import codecs

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(content: bytes) -> str:
    """Text in UTF-8, with or without a byte order mark, or in UTF-16 with one.

    Raises:
        UnicodeDecodeError: a `ValueError`, if it is in another encoding.
    """
    return content.decode("utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig")
