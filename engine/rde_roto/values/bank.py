"""The memory bank: which memory frames a frame is read from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

_BANK_RULE: Final = (
    "expected F, L and RDE joined by +, at most 4 F, 4 L and one RDE, such as 2F+L+RDE, "
    "or STM alone"
)


@dataclass(frozen=True)
class Bank:
    """Which memory frames a frame is read from, written as in table 5 of the RDE-VOS paper:
    `2F+L+RDE`.

    `anchor` (F) counts copies of the keyframe, 0..4, `latest` (L) copies of the last memory frame,
    0..4, and `recurrent` (RDE) the recurrent dynamic embedding, 0 or 1. `growing` (STM) is the bank
    of all memory frames so far; the other three are 0 then. Raises ValueError outside these ranges
    and for an empty bank.
    """

    anchor: int
    latest: int
    recurrent: int
    growing: bool = False

    def __post_init__(self) -> None:
        counts = (self.anchor, self.latest, self.recurrent)
        within = all(0 <= n <= top for n, top in zip(counts, (4, 4, 1), strict=True))
        if not within or any(counts) == self.growing:
            raise ValueError(_BANK_RULE)

    @classmethod
    def parse(cls, text: str) -> Bank:
        """Parse a bank, terms in any order. Raises ValueError for any other text."""
        if text.strip() == "STM":
            return cls(0, 0, 0, growing=True)
        counts: dict[str, int] = {}
        for term in text.split("+"):
            match = re.fullmatch(r"([0-9]?)(F|L|RDE)", term.strip())
            if match is None or match[2] in counts:
                raise ValueError(_BANK_RULE)
            counts[match[2]] = int(match[1] or 1)
        return cls(counts.get("F", 0), counts.get("L", 0), counts.get("RDE", 0))

    def __str__(self) -> str:
        """The canonical spelling: F, L, RDE in this order; `Bank.parse(str(b)) == b`."""
        if self.growing:
            return "STM"
        counts = (("F", self.anchor), ("L", self.latest), ("RDE", self.recurrent))
        return "+".join(f"{n if n > 1 else ''}{letter}" for letter, n in counts if n)


def _to_bank(value: object) -> Bank:
    if isinstance(value, Bank):
        return value
    if isinstance(value, str):
        return Bank.parse(value)
    raise ValueError(_BANK_RULE)


BankText = Annotated[
    Bank,
    PlainValidator(_to_bank),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2F+L+RDE", "F+L", "RDE", "STM"]}),
]
