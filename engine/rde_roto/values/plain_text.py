"""Text from outside, made fit for a line of a log, a terminal, or a file name."""

from __future__ import annotations

import os


def one_line(text: str) -> str:
    """The text with what is not printable as its escape: line breaks, ESC, and the bytes of a name
    that is not UTF-8, such as `\\xe9`. So no name forges a line or speaks to a terminal.
    """
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def is_plain_name(text: str) -> bool:
    """Whether a text is the name of one visible file, printable and free of separators."""
    return (
        bool(text) and not text.startswith(".") and text.isprintable() and not set(text) & {*"/\\"}
    )


def plain_name(text: str, most_bytes: int) -> str:
    """A plain name after a text, of at most so many bytes of UTF-8: all else becomes `_`."""
    plain = "".join(char if is_plain_name(f"_{char}") else "_" for char in text)
    plain = plain.encode()[:most_bytes].decode(errors="ignore")
    return plain if is_plain_name(plain) else f"_{plain[1:]}"


def is_utf_8(path: str | os.PathLike[str]) -> bool:
    """Whether a path's bytes are UTF-8, which some libraries ask of every name."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # how Python shows a byte that is not UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
