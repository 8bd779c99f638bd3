"""How far a job or a lesson is, as the protocol says it."""

from __future__ import annotations

import time

from rde_roto.doors.hosts.errors import error_object, in_panel
from rde_roto.doors.learner.lesson_process import LessonProcess
from rde_roto.doors.server.jobs import Job
from rde_roto.doors.server.request_types import Object
from rde_roto.values.frames import FrameRange


def job_progress(job: Job) -> Object:
    """Return the progress of a job that makes mattes, in frames."""
    state = job.state  # read first: once a job has ended, its frames no longer change
    made, kept = FrameRange.of(job.made), job.kept
    found: Object = {"done": len(made) + len(kept), "total": len(job.frames), "state": state}
    found |= {"made": str(made), "kept": str(kept), "share": round(job.share, 4)}
    if job.error is not None:
        found["error"] = error_object(job.error)
    return found


def lesson_progress(job: LessonProcess) -> Object:
    """Return the progress of a lesson. `done` and `total` are in percent."""
    status = job.status
    found: Object = {"state": status.state, "done": int(100 * status.share), "total": 100}
    # `steps` is a heartbeat to clients. A lesson runs in its own process and may take long over
    # a step, so this counts seconds: a client waits for as long as that process lives
    found |= {"steps": int(time.monotonic()), "sentence": status.sentence(in_panel)}
    found |= {"seconds_left": status.seconds_left, "before": status.before, "after": status.after}
    found["learned"] = None if status.learned is None else str(status.learned)
    if status.error is not None:
        found["error"] = error_object(status.error)
    return found
