"""Run by Nuke when it has a GUI: adds the entry to the Nodes menu."""

import nuke
import rde_roto_nuke

nuke.menu("Nodes").addMenu("rde-roto").addCommand("RDERoto", rde_roto_nuke.create)
