"""Where the window's mattes come from: an engine in this process, with the user's cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import torch

from rde_roto.documents.model_card import ModelChoice
from rde_roto.doors.rendering import print_licence, provenance
from rde_roto.engine import Engine
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.model.click_model import ClickModel, find_click_weights, load_click_model
from rde_roto.model.devices import choose_device
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, load_model
from rde_roto.node import RotoNode
from rde_roto.session.clicks.select import ClickSelector
from rde_roto.session.document.opening import OpenedDraft
from rde_roto.session.drawing.selection import Selector
from rde_roto.session.mattes.backend import Backend
from rde_roto.shot_files import OpenedShot
from rde_roto.shot_files.opening import chosen_model
from rde_roto.stores import Stores, open_stores
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot


@dataclass
class Services:
    """An engine, and the models that were loaded for it. Thread-safe.

    Models are loaded when the first mattes are requested, on the thread that requests them.
    """

    engine: Engine
    memo: PlateMemo
    device: torch.device
    stores: Stores
    _models: dict[ModelChoice, Model] = field(default_factory=dict)
    _clicks: ClickModel | None = None
    _lock: Lock = field(default_factory=Lock)

    def backend(self, opened: OpenedDraft) -> Backend:
        """Return the backend for a session on a shot."""
        choice = chosen_model(opened.file.content, opened.file.folder)

        def make(shot: Shot, preset: Preset, learned: Path | None) -> RotoNode:
            model = self._model(replace(choice, learned=learned))
            return RotoNode(shot, preset, tracker_of(model, self.device), self.stores)

        def metadata(opened: OpenedShot) -> Mapping[str, str]:
            return provenance(opened, opened.preset, self._model(opened.model))

        return Backend(self.engine, make, metadata, self._selector)

    def _selector(self, plate: Plate) -> Selector:
        return ClickSelector(plate, self._click_model)

    def _click_model(self) -> ClickModel:
        with self._lock:
            if self._clicks is None:
                print_licence(find_click_weights())
                self._clicks = load_click_model(self.device)
            return self._clicks

    def _model(self, choice: ModelChoice) -> Model:
        with self._lock:
            model = self._models.get(choice)
            if model is None:
                model = self._models[choice] = load_model(choice)
                print_licence(model)
            return model


@contextmanager
def open_services(device: str, memo: PlateMemo) -> Iterator[Services]:
    """Yield services on a device of this machine. Raises UsageError for one that cannot be used."""
    chosen = choose_device(device)
    stores = open_stores(CacheSettings.from_environment())
    with Engine() as engine:
        yield Services(engine, memo, chosen, stores)
