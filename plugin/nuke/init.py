"""Run by Nuke at its start, with its window and without: makes rde-roto's modules importable."""

import sys
from pathlib import Path

# nuke.pluginAddPath has done so already, NUKE_PATH has not
_OWN = str(Path(__file__).resolve().parent)
if _OWN not in sys.path:
    sys.path.append(_OWN)
