"""Text from outside, made safe for a log line, a terminal or a file name."""

from __future__ import annotations

import os


def one_line(text: str) -> str:
    """Escape everything that is not printable: line breaks, ESC, and bytes that are not UTF-8, such
    as `\\xe9`. So no name can forge a log line or control a terminal.
    """
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def counted(count: int, noun: str) -> str:
    """Return how many there are: `1 matte`, `2 mattes`. The noun's plural ends in s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def is_plain_name(text: str) -> bool:
    """Return whether a text can name one visible file: printable and without separators."""
    return (
        bool(text) and not text.startswith(".") and text.isprintable() and not set(text) & {*"/\\"}
    )


def plain_name(text: str, most_bytes: int) -> str:
    """Make a plain name of at most `most_bytes` of UTF-8; other characters become `_`."""
    plain = "".join(char if is_plain_name(f"_{char}") else "_" for char in text)
    plain = plain.encode()[:most_bytes].decode(errors="ignore")
    return plain if is_plain_name(plain) else f"_{plain[1:]}"


def is_utf_8(path: str | os.PathLike[str]) -> bool:
    """Return whether a path's bytes are UTF-8, which some libraries require."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # how Python shows a byte that is not UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
