"""Run by Nuke when it has a window: the entry in the menu of nodes."""

import nuke
import rde_roto_nuke

nuke.menu("Nodes").addMenu("rde-roto").addCommand("RDERoto", rde_roto_nuke.create)
