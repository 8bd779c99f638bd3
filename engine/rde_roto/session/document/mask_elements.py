"""Tell of which elements the planes of an imported mask are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, count, islice
from typing import TypeAlias

from rde_roto.images.masks import Mask
from rde_roto.values.errors import UsageError
from rde_roto.values.keyframe import Element

PlaneElement: TypeAlias = tuple[str | None, str]
"""Of which element a plane is: its id, None for a new one, and the name that a new one gets."""


def mask_elements(
    mask: Mask, elements: Sequence[Element], chosen: str, is_drawn: bool
) -> list[PlaneElement]:
    """Return of which element each plane of a mask is.

    `chosen` is the id of the chosen element, and `is_drawn` says whether anything is drawn yet. A
    single plane is of the chosen element, unless its label is the number of another one
    (`element_numbers`). Of several planes, labels are numbers of elements if those beyond the
    largest go on from there: in a shot of two elements, a mask of the labels 2 and 3 is of the
    second and of a new one. Other labels, and colours, only tell the planes of one file apart. Of
    these the first mask, and one that has a plane for every element, has them in their order, and
    so has a first mask with labels beyond the elements: a document with it alone has them so too.

    Raises UsageError for one with fewer planes: whose they are cannot be told.
    """
    numbers = element_numbers(elements)
    if len(mask.planes) == 1:
        (label,) = mask.labels or (1,)
        return [(numbers.get(label, chosen) if label > 1 else chosen, "")]
    beyond = [label for label in mask.labels if label > max(numbers)]
    go_on = list(range(max(numbers) + 1, max(numbers) + 1 + len(beyond)))
    if mask.labels and beyond == go_on and (is_drawn or not beyond):
        return [(numbers.get(label), _name(label)) for label in mask.labels]
    if is_drawn and len(mask.planes) < len(elements):
        raise UsageError(
            f"it has {', '.join(mask.marks)}, and there are {len(elements)} elements: which of "
            "them these are cannot be told, so import a file for each, as the chosen element"
        )
    there: list[PlaneElement] = [(element.id, "") for element in elements]
    free = (number for number in count(1) if number not in numbers)
    missing = max(0, len(mask.planes) - len(there))
    new = [(None, _name(number)) for number in islice(free, missing)]
    return [*there, *new][: len(mask.planes)]


def element_numbers(elements: Sequence[Element]) -> dict[int, str]:
    """Return the ids of elements by their numbers: that of a name such as `element3`, as imported
    masks and documents give, or of such an id, which renaming keeps; else the place in the list.
    """
    found: dict[int, str] = {}
    for texts in ([one.name for one in elements], [one.id for one in elements]):
        for element, text in zip(elements, texts, strict=True):
            number = _number(text)
            if number is not None and element.id not in found.values():
                found.setdefault(number, element.id)
    for place, element in enumerate(elements, 1):
        if element.id not in found.values():
            number = next(n for n in chain([place], count(1)) if n not in found)
            found[number] = element.id
    return found


def _name(number: int) -> str:
    return f"element{number}"


def _number(text: str) -> int | None:
    found = re.fullmatch("element([1-9][0-9]{0,8})", text)
    return int(found[1]) if found else None
