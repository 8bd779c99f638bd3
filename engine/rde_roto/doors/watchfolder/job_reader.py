"""Read what was dropped: the shot, its frames, and where its mattes go."""

from __future__ import annotations

import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from rde_roto.documents.job_document import (
    JobDocument,
    WatchDocument,
    inline_shot,
    parse_job_document,
    read_watch_document,
)
from rde_roto.documents.library import is_path
from rde_roto.documents.preset_files import load_preset
from rde_roto.documents.reading import Document, Setting
from rde_roto.documents.shot_document import SHOT_SUFFIX, ShotDocument, parse_shot_document
from rde_roto.documents.shot_document import read_shot_text as read_shot
from rde_roto.doors.watchfolder.dropped_folder import masks_in, shot_in
from rde_roto.doors.watchfolder.hot_folder import DEFAULTS, HotFolder
from rde_roto.doors.watchfolder.inbox import documents_in
from rde_roto.doors.watchfolder.job_folder import Claim
from rde_roto.images.files import check_input
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.shot_files.opening import open_document
from rde_roto.shot_files.shot_file import naming_the_document
from rde_roto.values.delivery import PartialError
from rde_roto.values.digest import digest_file
from rde_roto.values.errors import (
    DocumentError,
    InputError,
    OutOfMemoryError,
    OutputError,
    UnexpectedError,
    shown_error,
)
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Preset
from rde_roto.values.regular_files import PICTURE_BYTES

LEARNED: Final = "learned"
"""The subfolder of the hot folder for what models learn from jobs."""


class _Told(NamedTuple):
    """A file that tells what to make, and a digest of its content: on a share, times may come late.
    A link counts as itself, wherever it leads.
    """

    path: Path
    content: str

    @classmethod
    def of(cls, path: Path) -> _Told:
        if stat.S_ISLNK(path.lstat().st_mode):
            return cls(path, str(path.readlink()))
        content = ""
        with suppress(InputError):  # whoever reads it says so
            check_input(path, PICTURE_BYTES)
            content = digest_file(path)
        return cls(path, content)


@dataclass(frozen=True)
class Job:
    """A shot, the frames to deliver, and the pattern of their files.

    With `output` None the mattes go to the hot folder's own place. `learn` is the job's own
    setting; None leaves it to the hot folder. `dropped` is the document, or the folder without one,
    and `told` what of it the job was made from, besides the plate.
    """

    opened: OpenedShot
    frames: FrameRange
    dropped: Path
    told: frozenset[_Told]
    output: str | None = None
    learn: bool | None = None

    def check_complete(self) -> None:
        """Check at the end that nothing has come or changed since that belongs to the job: somebody
        was still copying it. Raises PartialError as `OpenedShot.check_complete`, and for the
        document, or masks and documents in a folder dropped without one.
        """
        self.opened.check_complete(self.frames)
        late: frozenset[_Told] = frozenset()
        with suppress(OSError):  # somebody has moved the job
            late = _told_by(self.dropped) - self.told
        if late:
            names = " and ".join(sorted(told.path.name for told in late))
            raise PartialError(
                f"{names} came or changed since this began: put the job back into the inbox to "
                "use it",
                self.frames,
            )


@dataclass(frozen=True)
class JobReader:
    """Read the jobs of a hot folder. Presets and `defaults.yaml` are read again for each job."""

    folder: HotFolder
    memo: PlateMemo
    model: str | None = None

    def defaults(self) -> Document[WatchDocument]:
        """Read the hot folder's `defaults.yaml`. Raises DocumentError."""
        return read_watch_document(self.folder.root / DEFAULTS)

    def output_pattern(self, name: str, job: Job) -> Path:
        """Return the pattern of a job's mattes. Its folder has no links, and jobs may write there.

        Raises DocumentError, OutputError.
        """
        if job.output is not None:
            return self.resolve_output(Path(job.output))
        suffix = ".png" if job.opened.preset.output.format == "labels" else ".exr"
        root = (self.folder.root / self.defaults().value.mattes).resolve()
        own = root / name
        self._check_place(own)
        if own.resolve() != own:
            raise OutputError(
                f"{own}, where the mattes of this job go, is a link to {own.resolve()}: remove it"
            )
        return own / f"{name}.####{suffix}"

    def resolve_output(self, pattern: Path) -> Path:
        """Return a pattern with its folder's links resolved.

        Raises OutputError for a place that jobs may not write into.
        """
        into, allowed = pattern.parent.resolve(), self._allowed()
        if not any(into.is_relative_to(place) for place in allowed):
            places = ", ".join(map(str, allowed))
            raise OutputError(
                f"output is {pattern}, in {into}; jobs of this folder may write into {places}: "
                f"add it to 'roots' in {DEFAULTS} if that is intended"
            )
        self._check_place(into)
        return into / pattern.name

    def _check_place(self, folder: Path) -> None:
        """Raise OutputError for mattes among the jobs, where they would be taken for a job."""
        for place in self.folder.places:
            if folder.is_relative_to(place.resolve()):
                raise OutputError(
                    f"mattes would go into {folder}, which is in {place.name}/, where jobs lie: "
                    "choose a folder beside it, such as mattes"
                )

    def open(self, claim: Claim) -> Job:
        """Read a claimed job and open its shot.

        Raises DocumentError for a job that is wrong, InputError for files that are missing or
        cannot be read.
        """
        try:
            job = self._read(claim.dropped)
        except (OSError, ValueError) as error:  # for example a folder without access
            reason = shown_error(error)
            if isinstance(reason, OutOfMemoryError):
                raise reason from error
            sentence = str(error if isinstance(reason, UnexpectedError) else reason)
            raise InputError(f"what the job names cannot be read: {sentence}") from error
        return replace(job, opened=self._with_learning(job.opened, job.learn))

    def _with_learning(self, opened: OpenedShot, asked: bool | None) -> OpenedShot:
        """Return the shot, set to learn first if the job, or else its preset or the folder, asks
        for it.
        """
        running = opened.preset.running
        learn = running.learn or self.defaults().value.learn if asked is None else asked
        running = running.model_copy(update={"learn": learn})
        preset = opened.preset.model_copy(update={"running": running})
        return replace(opened, preset=preset, learn_into=self.folder.root / LEARNED)

    def _read(self, dropped: Path) -> Job:
        if dropped.is_symlink() and not dropped.exists():
            raise InputError(
                f"{dropped.name} is a broken link: a link in the inbox needs an absolute target"
            )
        if not dropped.is_dir():
            return self._by_document(dropped, self.folder.root)
        documents = documents_in(dropped)
        if len(documents) > 1:
            names = ", ".join(path.name for path in documents)
            raise DocumentError(f"{dropped.name} holds {names}: expected one document")
        if documents:
            return self._by_document(documents[0], dropped)
        told, shot = _told_by(dropped), shot_in(dropped)
        opened = self._opened(dropped, Document(shot, self.defaults().source, {}), dropped)
        return Job(opened, opened.range, dropped, told)

    def _by_document(self, path: Path, base: Path) -> Job:
        told = _told_by(path)
        if path.name.endswith(SHOT_SUFFIX):
            alone = parse_shot_document(Path(path.name), read_shot(path))
            opened = self._opened(path, alone, base)
            return Job(opened, opened.range, path, told, learn=_learn_asked(opened, alone))
        job = parse_job_document(path)
        output = self._output(job)
        shot = inline_shot(job)
        if shot is None:
            file = ShotFile.read(base / str(job.value.shot))
            shot, opened = file.document, self._named(file, job, base)
        else:
            opened = self._opened(path, shot, base, job)
        frames = _frames(job, opened)
        opened = replace(opened, is_whole=opened.is_whole and job.value.frames is None)
        learn = job.value.learn
        if learn is None:
            learn = _learn_asked(opened, shot, job)
        return Job(opened, frames, path, told, output, learn)

    def _named(self, file: ShotFile, job: Document[JobDocument], base: Path) -> OpenedShot:
        """Open the shot of a document elsewhere, which is complete in itself."""
        overrides = job.settings("overrides")
        if job.value.preset is None:
            preset = file.preset(overrides)
        else:
            own = file.document.settings("overrides")
            preset = _preset(job.value.preset, base, [*own, *overrides])
        return file.open(self.memo, preset)

    def _opened(
        self,
        path: Path,
        shot: Document[ShotDocument],
        base: Path,
        job: Document[JobDocument] | None = None,
    ) -> OpenedShot:
        """Open a shot that came with the job. The folder's defaults fill in what it leaves out."""
        document, defaults = shot.value, self.defaults()
        overrides = [*shot.settings("overrides"), *(job.settings("overrides") if job else ())]
        named = job.value.preset if job else None
        if named is None and ("preset",) in shot.leaves:
            named = document.preset
        if named is None:
            preset = _preset(
                defaults.value.preset,
                self.folder.root,
                [*defaults.settings("overrides"), *overrides],
            )
        else:
            preset = _preset(named, base, overrides)
        if ("model",) not in shot.leaves:
            model = self.model or defaults.value.model
            document = document.model_copy(update={"model": model})
        with naming_the_document(Path(path.name)):
            opened = open_document(document, preset, base, self.memo)
        return replace(opened, document=path if path.is_file() else None)

    def _output(self, job: Document[JobDocument]) -> str | None:
        """Return the job's output pattern. Raises DocumentError for a place that jobs may not write
        into.
        """
        if job.value.output is None:
            return None
        try:
            return str(self.resolve_output(self.folder.root / job.value.output))
        except OutputError as error:
            raise job.fail(("output",), str(error)) from error

    def _allowed(self) -> list[Path]:
        """Return the folders that jobs may write into. Raises DocumentError."""
        defaults = self.defaults().value
        return [(self.folder.root / text).resolve() for text in (defaults.mattes, *defaults.roots)]


def _learn_asked(opened: OpenedShot, *documents: Document[Any]) -> bool | None:
    """Return whether to learn, if an override of the documents says so, also that not; None leaves
    it to the hot folder. The chunks of `rde-roto submit` say it this way.
    """
    overrides = chain.from_iterable(document.settings("overrides") for document in documents)
    is_said = any(setting.key == "running.learn" for setting in overrides)
    return opened.preset.running.learn if is_said else None


def _told_by(dropped: Path) -> frozenset[_Told]:
    """What tells what to make of a document, which is itself, or of a folder without one: its masks
    and documents. Raises OSError.
    """
    is_folder = dropped.is_dir()
    files = (*masks_in(dropped), *documents_in(dropped)) if is_folder else (dropped,)
    return frozenset(map(_Told.of, files))


def _preset(name: str, base: Path, overrides: list[Setting]) -> Preset:
    return load_preset(str(base / name) if is_path(name) else name, overrides)


def _frames(job: Document[JobDocument], opened: OpenedShot) -> FrameRange:
    frames = job.value.frames
    if frames is None:
        return opened.range
    outside = frames.difference(opened.range)
    if outside:
        raise job.fail(("frames",), f"the shot has {opened.range}, not {outside}")
    return frames
