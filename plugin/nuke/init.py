"""Run by Nuke at start, with and without a GUI: makes the modules of rde-roto importable."""

import sys
from pathlib import Path

# done already with nuke.pluginAddPath, but not with NUKE_PATH
_OWN = str(Path(__file__).resolve().parent)
if _OWN not in sys.path:
    sys.path.append(_OWN)
