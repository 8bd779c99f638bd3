"""What makes the mattes of a job: a model on a device, and the user's cache. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping

from rde_roto.doors.auto_learn import studied
from rde_roto.doors.licences import say_licence_once
from rde_roto.doors.rendering import provenance
from rde_roto.doors.watchfolder.job_run import Made
from rde_roto.model.devices import choose_device
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import licence_line, load_model
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot
from rde_roto.stores import open_stores
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.cancel import Cancel
from rde_roto.values.preset import Preset


class Maker:
    """Makes the nodes of shots, whose models study them first where jobs ask for that.

    Raises UsageError for a device that cannot be used.
    """

    def __init__(self, device: str) -> None:
        self._name = device
        self._device = choose_device(device)
        self._stores = open_stores(CacheSettings.from_environment())

    def __call__(self, job: OpenedShot, cancel: Cancel) -> Made:
        opened = studied(job, self._name, cancel)
        model = load_model(opened.model)
        say_licence_once(model)
        load = tracker_of(model, self._device)
        node = RotoNode(opened.shot, opened.preset, load, self._stores)

        def said_of(preset: Preset) -> Mapping[str, str]:
            return provenance(opened, preset, model)

        return Made(node, said_of, licence_line(model))
