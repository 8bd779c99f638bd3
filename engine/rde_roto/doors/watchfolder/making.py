"""What makes the mattes of a job: a model on a device, and the user's cache. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rde_roto.devices import choose_device
from rde_roto.doors.licences import say_licence_once
from rde_roto.doors.rendering import provenance
from rde_roto.doors.watchfolder.doing import Made
from rde_roto.models import Model, licence_line, load_model
from rde_roto.node import RotoNode
from rde_roto.propagator import tracker_of
from rde_roto.shot_files import OpenedShot
from rde_roto.stores import open_stores
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.preset import Preset


class Maker:
    """Makes the nodes of shots. Raises UsageError for a device that cannot be used."""

    def __init__(self, device: str) -> None:
        self._device = choose_device(device)
        self._stores = open_stores(CacheSettings.from_environment())

    def __call__(self, opened: OpenedShot) -> Made:
        model = load_model(opened.model)
        say_licence_once(model)
        if opened.learn_into is not None:
            model = self._taught(opened, model, opened.learn_into)
        load = tracker_of(model, self._device)
        node = RotoNode(opened.shot, opened.preset, load, self._stores)

        def said_of(preset: Preset) -> Mapping[str, str]:
            return provenance(opened, preset, model)

        return Made(node, said_of, licence_line(model))

    def _taught(self, opened: OpenedShot, model: Model, folder: Path) -> Model:
        """The model after it has studied the shot, which is done once, whoever takes the job."""
        from rde_roto.training.learning.lessons import Lessons
        from rde_roto.training.learning.studying import Budget, Study

        study = Study(opened.shot, opened.preset, model, self._device)
        return Lessons(folder).hold(study, model, Budget()).model
