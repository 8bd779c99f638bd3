"""The shots that hosts ask about, opened, with the models and stores that they share."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

import torch
from pydantic import ValidationError

from rde_roto.documents.shot_document import ShotDocument, parse_shot_document
from rde_roto.doors.hosts.pushed import PushedEntry, PushedFrameStore, pushed_plate_opener
from rde_roto.images.plates.missing_frames import on_disk
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.plates.sequence_plate import DiskPlate
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, load_model
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.shot_files.opening import open_entry
from rde_roto.stores import Stores, open_stores
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.errors import DocumentError, RotoError, UsageError
from rde_roto.values.settings import first_fault

_MOST_SHOTS = 16
_MOST_MODELS = 4

# a request is not a file: its paths are absolute, and no message names it
_REQUEST = Path("/request")
_NO_FILES = "/"


@dataclass(frozen=True, eq=False)
class HostShot:
    """A shot that a host described, and the model that tracks it.

    `pushed` holds the frames of its plate if the host pushes them.
    """

    opened: OpenedShot
    model: Model
    device: torch.device
    stores: Stores
    pushed: PushedFrameStore | None = None

    @property
    def is_outdated(self) -> bool:
        """Whether a file of the plate is known to have been replaced since the shot was opened."""
        plate = on_disk(self.opened.shot.plate)
        return isinstance(plate, DiskPlate) and plate.contents.have_changed

    @cached_property
    def node(self) -> RotoNode:
        """The node that makes the shot's mattes. Raises UsageError while there is no keyframe."""
        load = tracker_of(self.model, self.device)
        return RotoNode(self.opened.shot, self.opened.preset, load, self.stores)


class Shots:
    """Open shots, and keep the last few open. Thread-safe.

    All shots use one set of stores, so that hosts share each other's results.

    Args:
        device: what the network runs on.
        memo: knows the digests of plates' files.
    """

    def __init__(self, device: torch.device, memo: PlateMemo) -> None:
        self._device = device
        self._memo = memo
        self._stores: Stores = open_stores(CacheSettings.from_environment())
        self._open: RecentCache[HostShot] = RecentCache(_MOST_SHOTS)
        self._models: RecentCache[Model] = RecentCache(_MOST_MODELS)

    def get(self, document: Mapping[str, object], fresh: bool = False) -> HostShot:
        """Return the shot that a request describes.

        Its files are read if it is not open yet, or if a file of the plate was found to have been
        replaced. Raises what `ShotFile.open` and `load_model` raise, and UsageError for a relative
        path.
        """
        text = json.dumps(document, ensure_ascii=False, sort_keys=True)
        found = self._open.get(text, lambda: self._opened(json.loads(text)), fresh)
        if found.is_outdated:
            found = self._open.get(text, lambda: self._opened(json.loads(text)), fresh=True)
        return found

    def _opened(self, document: dict[str, Any]) -> HostShot:
        entry = _take_pushed(document)
        text = json.dumps(document, ensure_ascii=False)
        pushed = None if entry is None else PushedFrameStore(entry, self._memo, self._stores.pushed)
        opens = open_entry if pushed is None else pushed_plate_opener(pushed)
        with _naming_no_file():
            file = ShotFile(_REQUEST, text, parse_shot_document(_REQUEST, text))
            _refuse_relative(file.content)
            opened = replace(file.open(self._memo, open_plate=opens), document=None)
        model = self._models.get(opened.model, lambda: load_model(opened.model))
        return HostShot(opened, model, self._device, self._stores, pushed)


@contextmanager
def _naming_no_file() -> Iterator[None]:
    """Let an error's sentence begin with what is wrong instead of with `/request:1:`."""
    try:
        yield
    except RotoError as error:
        sentence = re.sub(rf"^{re.escape(str(_REQUEST))}(:\d+)?: ", "", error.sentence)
        error.args = (sentence, *error.args[1:])
        raise


def _take_pushed(document: dict[str, Any]) -> PushedEntry | None:
    """Take a pushed plate out of a request's shot, so that the rest reads as a document.

    Documents cannot have such a plate, since nobody could push its frames. Raises DocumentError.
    """
    plate = document.get("plate")
    if not isinstance(plate, dict) or "pushed" not in plate:
        return None
    if "path" in plate:
        raise DocumentError("a plate has a path or is pushed: leave one of them out")
    pushed = plate.pop("pushed")
    plate["path"] = _NO_FILES
    try:
        return PushedEntry.model_validate(pushed)
    except ValidationError as error:
        raise DocumentError(f"plate.pushed.{first_fault(error)}") from error


def _refuse_relative(shot: ShotDocument) -> None:
    paths = [shot.plate.path, *(e.mask for e in shot.keyframes), *(k.mattes for k in shot.locks)]
    for path in [*paths, *([] if shot.learned is None else [shot.learned])]:
        if not Path(path).is_absolute():
            raise UsageError(f"{path} is a relative path: give an absolute one")


T = TypeVar("T")


class RecentCache(Generic[T]):
    """Keep the `most` recently used values, each under a name, and make each one once.

    A value is made on the thread that asks first. Threads that ask for the same value wait, others
    do not: making one may hang on a file of the caller's.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()  # never held while a value is made
        self._kept: OrderedDict[Hashable, Future[T]] = OrderedDict()

    def get(self, name: Hashable, make: Callable[[], T], fresh: bool = False) -> T:
        """Return the value of a name, and make it if it is not kept; make it again with `fresh`.

        Raises what `make` raises, and then keeps nothing.
        """
        made: Future[T] = Future()
        with self._lock:
            kept = made if fresh else self._kept.get(name, made)
            self._kept[name] = kept
            self._kept.move_to_end(name)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        if kept is made:
            self._make(name, make, made)
        return kept.result()

    def _make(self, name: Hashable, make: Callable[[], T], made: Future[T]) -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            with self._lock:
                if self._kept.get(name) is made:
                    del self._kept[name]
            made.set_exception(error)
