"""The shots that hosts ask about, opened, and the models and stores that they share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from rde_roto.documents.shot_document import ShotDocument, parse_shot_document
from rde_roto.doors.server.latest import Latest
from rde_roto.doors.server.pushed import FramesOf, PushedEntry, opener
from rde_roto.images.missing_frames import on_disk
from rde_roto.images.plate_memo import PlateMemo
from rde_roto.images.plates import DiskPlate
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, load_model
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.shot_files.opening import open_entry
from rde_roto.stores import Stores, open_stores
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.errors import DocumentError, UsageError

_MOST_SHOTS = 16
_MOST_MODELS = 4

# what a request says is no file: its paths start at the root, and messages name it so
_REQUEST = Path("/request")
_NO_FILES = "/"


@dataclass(frozen=True, eq=False)
class HostsShot:
    """A shot that a host described, and the model that tracks it.

    `pushed` are the frames of its plate where the host pushes them.
    """

    opened: OpenedShot
    model: Model
    device: torch.device
    stores: Stores
    pushed: FramesOf | None = None

    @property
    def is_outdated(self) -> bool:
        """Whether a file of its plate was replaced since it was opened, as far as was noticed."""
        plate = on_disk(self.opened.shot.plate)
        return isinstance(plate, DiskPlate) and plate.contents.have_changed

    @cached_property
    def node(self) -> RotoNode:
        """What makes its mattes. Raises UsageError while there is no keyframe."""
        load = tracker_of(self.model, self.device)
        return RotoNode(self.opened.shot, self.opened.preset, load, self.stores)


class Shots:
    """Opens shots, and keeps the last few open. Threads may share it.

    What all of them make goes to one set of stores, so that two hosts share what either made.

    Args:
        device: where the network runs.
        memo: knows the digests of plates' files.
    """

    def __init__(self, device: torch.device, memo: PlateMemo) -> None:
        self._device = device
        self._memo = memo
        self._stores: Stores = open_stores(CacheSettings.from_environment())
        self._open: Latest[HostsShot] = Latest(_MOST_SHOTS)
        self._models: Latest[Model] = Latest(_MOST_MODELS)

    def get(self, said: Mapping[str, object], fresh: bool = False) -> HostsShot:
        """The shot that a request describes; its files are looked at when it is not open yet, or
        when one of the plate's was found to have been replaced.

        Raises what `ShotFile.open` and `load_model` raise, UsageError for a path that is not
        absolute.
        """
        text = json.dumps(said, ensure_ascii=False, sort_keys=True)
        found = self._open.get(text, lambda: self._opened(json.loads(text)), fresh)
        if found.is_outdated:
            found = self._open.get(text, lambda: self._opened(json.loads(text)), fresh=True)
        return found

    def _opened(self, said: dict[str, Any]) -> HostsShot:
        entry = _take_pushed(said)
        text = json.dumps(said, ensure_ascii=False)
        file = ShotFile(_REQUEST, text, parse_shot_document(_REQUEST, text))
        _refuse_relative(file.content)
        pushed = None if entry is None else FramesOf(entry, self._memo, self._stores.pushed)
        opens = open_entry if pushed is None else opener(pushed)
        opened = replace(file.open(self._memo, open_plate=opens), document=None)
        model = self._models.get(opened.model, lambda: load_model(opened.model))
        return HostsShot(opened, model, self._device, self._stores, pushed)


def _take_pushed(said: dict[str, Any]) -> PushedEntry | None:
    """Takes a plate that is pushed out of a request's shot, which then reads as a document does.

    Documents have no such plate: nobody could push its frames. Raises DocumentError.
    """
    plate = said.get("plate")
    if not isinstance(plate, dict) or "pushed" not in plate:
        return None
    if "path" in plate:
        raise DocumentError(f"{_REQUEST}: a plate has a path or is pushed: leave one of them out")
    pushed = plate.pop("pushed")
    plate["path"] = _NO_FILES
    try:
        return PushedEntry.model_validate(pushed)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("plate", "pushed", *first["loc"])))
        raise DocumentError(f"{_REQUEST}: {place}: {first['msg']}") from error


def _refuse_relative(says: ShotDocument) -> None:
    paths = [says.plate.path, *(e.mask for e in says.keyframes), *(k.mattes for k in says.locks)]
    for path in [*paths, *([] if says.learned is None else [says.learned])]:
        if not Path(path).is_absolute():
            raise UsageError(f"the path {path} does not say where it begins: give the whole of it")
