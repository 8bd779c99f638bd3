"""What lies under the pen, in words."""

from __future__ import annotations

from rde_roto.session.session import Session


def pixel_words(session: Session, x: float, y: float) -> str:
    """Return the pixel at a point of the plate, its colour as shown and its alpha; "" beside the
    plate, or before it is read.
    """
    height, width = session.size
    column, row = int(x // 1), int(y // 1)
    picture = session.navigation.picture()
    if not (0 <= column < width and 0 <= row < height) or picture is None:
        return ""
    blue, green, red, _ = (int(code) for code in picture[row, column])
    alpha = session.shown.alpha(session.element)
    seen = "" if alpha is None else f"   A {alpha[row, column]:.3f}"
    colour = f"R {red / 255:.3f}  G {green / 255:.3f}  B {blue / 255:.3f}"
    return f"{column}, {row}   {colour}{seen}"
