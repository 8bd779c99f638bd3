"""Tell of which elements the planes of an imported mask are."""

from __future__ import annotations

from collections.abc import Sequence

from rde_roto.images.masks import Mask
from rde_roto.values.errors import UsageError


def element_numbers(mask: Mask, count: int, is_drawn: bool) -> Sequence[int]:
    """Return of which elements, counted from 1, the several planes of a mask are.

    `count` is how many elements there are, and `is_drawn` whether anything is drawn of them. Labels
    that go on where the elements end are numbers of elements: a mask of the labels 2 and 3 is of
    the second and third. Other labels, and colours, only tell the planes of one file apart. Of
    these the first mask, and one that has a plane for every element, has them in their order, and
    so has a first mask with labels beyond the elements: a document with it alone has them so too.

    Raises UsageError for one with fewer planes: whose they are cannot be told.
    """
    labels, planes = mask.labels, len(mask.planes)
    further = [label for label in labels if label > count]
    are_numbers = labels and further == list(range(count + 1, count + 1 + len(further)))
    if are_numbers and (is_drawn or not further):
        return labels
    if is_drawn and planes < count:
        raise UsageError(
            f"it has {', '.join(mask.marks)}, and there are {count} elements: which of them these "
            "are cannot be told, so import a file for each, as the chosen element"
        )
    return range(1, planes + 1)
