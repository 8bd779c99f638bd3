"""A worker of a hot folder: take the next job, deliver it, and so on. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from rde_roto.doors.auto_learn import learn_if_asked
from rde_roto.doors.rendering import print_licence, provenance, say_which_edges
from rde_roto.doors.watchfolder.hot_folder import DEFAULTS
from rde_roto.doors.watchfolder.job_folder import Claim, status_of
from rde_roto.doors.watchfolder.job_reader import JobReader
from rde_roto.doors.watchfolder.job_run import JobRun, PreparedNode, PrepareNode
from rde_roto.doors.watchfolder.owners import Heartbeat, Owner
from rde_roto.doors.watchfolder.scanner import Scanner
from rde_roto.doors.watchfolder.status_writer import StatusWriter, now_text
from rde_roto.model.devices import choose_device
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import licence_line, load_model
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot
from rde_roto.stores import open_stores
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.cancel import Cancel
from rde_roto.values.errors import DocumentError
from rde_roto.values.preset import Preset


@dataclass
class Worker:
    """Take jobs of a hot folder.

    Args:
        scanner: knows which jobs wait.
        reader: reads the jobs.
        prepare: loads the model and builds the node of a job.
        owner: identifies this worker.
        clock: seconds that only go up.
    """

    scanner: Scanner
    reader: JobReader
    prepare: PrepareNode
    owner: Owner
    clock: Callable[[], float]
    failed: int = 0
    _waits: dict[str, str] = field(default_factory=dict)
    _defaults_error: str = ""

    def scan(self) -> Iterator[str]:
        """Return the jobs to take, the next one first. Raises OSError if the folder cannot be
        listed.
        """
        waiting = self.scanner.scan()
        return filter(self._may_start, waiting) if self._has_valid_defaults() else iter(())

    @property
    def has_waiting(self) -> bool:
        """Whether anything lies in the inbox that is or may become a job."""
        return self.scanner.inbox.has_entries

    def take(self, entry: str, stop: Event) -> None:
        """Run a job of the inbox, unless another worker was faster.

        Raises OSError when the folder cannot be changed.
        """
        folder, log = self.scanner.folder, self.scanner.log
        self.scanner.inbox.forget(entry)
        claim = folder.claim(entry, self.owner)
        if claim is None:
            return
        name = claim.status.name
        log(f"{name}: started")
        with Heartbeat(self.owner, claim.folder) as heartbeat:
            status = StatusWriter(claim, self.owner, self.clock)
            cancel = lambda: stop.is_set() or heartbeat.lost.is_set() or status.is_lost  # noqa: E731
            job = JobRun(self.reader, self.prepare, status, cancel)
            end = job.run()
        claim = job.claim
        if not self.owner.owns(claim.folder):
            self._record_move(claim)
        elif end is None:
            folder.release(claim)
            log(f"{name}: {job.why}; the job goes back to the inbox")
            if job.waits_for is not None:
                self._waits[name] = job.waits_for
        else:
            folder.finish(claim, end)
            self.failed += end == "failed"
            log(f"{name}: {end}, {job.why}")

    def _may_start(self, entry: str) -> bool:
        """Whether no other worker is making the same mattes just now."""
        other = self._waits.get(entry)
        if other is None:
            return True
        if (self.scanner.folder.running / other).exists():
            return False
        del self._waits[entry]
        return True

    def _has_valid_defaults(self) -> bool:
        """Whether `defaults.yaml` can be read. While it cannot, no job is taken and none fails."""
        message = ""
        try:
            self.reader.defaults()
        except DocumentError as error:
            message = f"{error}; no job starts until {DEFAULTS} is fixed"
        if message and message != self._defaults_error:
            self.scanner.log(message)
        self._defaults_error = message
        return not message

    def _record_move(self, claim: Claim) -> None:
        """Note that somebody moved a running job: into `cancelled`, back into the inbox, or
        elsewhere.
        """
        name = claim.status.name
        cancelled = self.scanner.folder.root / "cancelled"
        moved = Claim(cancelled / claim.folder.name, claim.status)
        if status_of(moved.folder) is not None:
            with suppress(OSError):
                moved.with_status(state="cancelled", tries=0, updated=now_text()).write()
        self.scanner.log(f"{name}: moved away while it ran; finished mattes are kept")


class NodePreparer:
    """Build the nodes of shots with a model on a device and the user's cache.

    The model learns the shot first if the job asks for it. Raises UsageError for a device that
    cannot be used.
    """

    def __init__(self, device: str) -> None:
        self._device_name = device
        self._device = choose_device(device)
        self._stores = open_stores(CacheSettings.from_environment())

    def __call__(self, job: OpenedShot, cancel: Cancel) -> PreparedNode:
        opened = learn_if_asked(job, self._device_name, cancel)
        model = load_model(opened.model)
        print_licence(model)
        say_which_edges(opened.preset, model)
        load = tracker_of(model, self._device)
        node = RotoNode(opened.shot, opened.preset, load, self._stores)

        def metadata_for(preset: Preset) -> Mapping[str, str]:
            return provenance(opened, preset, model)

        return PreparedNode(node, metadata_for, licence_line(model))
