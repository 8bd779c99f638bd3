"""The HTML page of a report. Every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from rde_roto.images.pictures.panels import tints
from rde_roto.images.report.curve import confidence_curve
from rde_roto.images.report.style import STYLE
from rde_roto.images.report.thumbnail import thumbnail_uri
from rde_roto.values.delivery import Delivery
from rde_roto.values.inspection import in_words
from rde_roto.values.plain_text import counted
from rde_roto.values.report import Remark, Report, Still

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""The page loads nothing and runs nothing, whatever texts are in it."""

_LEGEND = (
    '<p class="legend"><span><i class="mark key"></i>keyframe</span>'
    '<span><i class="mark doubt"></i>may be wrong</span>'
    '<span><i class="mark next"></i>correct this first</span></p>'
)

_CAUTION = "A track can be confident and still follow the wrong thing: look at the pictures."


def report_page(report: Report) -> str:
    """Write the HTML document: self-contained and without scripts."""
    title = escape(report.shot)
    about = f"{report.plate}, {report.size}, {in_words(report.frames)}"
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}: roto report</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{title}</h1><p>{escape(about)}</p></header>
<main>
{_verdict(report)}
<section><h2>How sure the track is</h2>
{_LEGEND}
{"".join(_track(report, place) for place in range(len(report.tracks)))}</section>
{_pictures(report)}
<section><h2>How it was made</h2>
{_facts(report)}</section>
</main>
</body>
</html>
"""
    return page.encode("utf-8", "replace").decode("utf-8")  # file names need not be valid text


def _verdict(report: Report) -> str:
    """The verdict: whether anything looks wrong, what to do, and all remarks."""
    shown = {still.frame for still in report.stills}
    is_bad = bool(report.warnings or report.to_correct)
    remarks = "".join(
        f'<li class="{"warning" if remark.is_warning else "note"}">{_sentence(remark, shown)}</li>'
        for remark in report.remarks
    )
    return (
        f'<section class="verdict {"bad" if is_bad else "good"}"><h2>{_title(report, shown)}</h2>\n'
        f"{f'<ul>{remarks}</ul>' if remarks else ''}\n<p>{_CAUTION}</p></section>"
    )


def _title(report: Report, shown: set[int]) -> str:
    track, count = report.to_correct, len(report.warnings)
    if track is not None:
        frame = track.correct_at
        return _sentence(Remark(f"Correct {track.name} at {frame} first", frame), shown)
    few = {0: "Nothing looks wrong", 1: "One thing to look at"}
    return few.get(count, f"{count} things to look at")


def _sentence(remark: Remark, shown: set[int]) -> str:
    """A remark, with a link to its picture if there is one."""
    link = f' <a href="#f{remark.at}">picture</a>' if remark.at in shown else ""
    return f"{escape(remark.sentence)}{link}"


def _track(report: Report, place: int) -> str:
    """One element's name, a figure or two, and its curve."""
    track = report.tracks[place]
    worst = track.least_sure
    if worst is None:
        figures = "does not exist yet"
    else:
        figures = f"lowest {track.confidences[worst]:.2f}, at {worst}<br>"
        doubtful = f"{len(track.doubtful)} of {counted(len(track.confidences), 'frame')}"
        figures += f"{doubtful} may be wrong" if track.doubtful else "no frame looks wrong"
    return (
        f'<figure class="track"><figcaption>{_name(report, place)}<p>{figures}</p></figcaption>\n'
        f"{confidence_curve(report, track)}</figure>\n"
    )


def _name(report: Report, place: int) -> str:
    """An element's name, with its colour in the pictures."""
    colour = "#" + bytes(round(255 * part) for part in tints(place + 1)[-1]).hex()
    name = escape(report.tracks[place].name)
    return f'<b class="element"><i style="background:{colour}"></i>{name}</b>'


def _pictures(report: Report) -> str:
    """The pictures worth a look, then the others, each in order of frames."""
    look = [still for still in report.stills if report.is_worth_a_look(still.frame)]
    others = [still for still in report.stills if not report.is_worth_a_look(still.frame)]
    return _gallery(report, "Look at these", look) + _gallery(report, "Through the shot", others)


def _gallery(report: Report, title: str, stills: Iterable[Still]) -> str:
    figures = "".join(_figure(report, still) for still in stills)
    if not figures:
        return ""
    return f'<section><h2>{title}</h2>\n<div class="gallery">{figures}</div></section>\n'


def _figure(report: Report, still: Still) -> str:
    frame = still.frame
    tags = ['<span class="tag key">keyframe</span>'] if frame in report.keyframes else []
    if any(frame == track.correct_at for track in report.tracks):
        tags.append('<span class="tag next">correct this first</span>')
    for track in report.tracks:
        if frame in track.doubtful:
            doubt = f"{escape(track.name)} {track.confidences[frame]:.2f}"
            tags.append(f'<span class="tag doubt">{doubt}</span>')
    return (
        f'<figure id="f{frame}"><img src="{thumbnail_uri(still)}" '
        f'alt="frame {frame}, its matte over the plate" style="aspect-ratio:{report.aspect:.4f}">'
        f"<figcaption><b>{frame}</b>{''.join(tags)}</figcaption></figure>\n"
    )


def _facts(report: Report) -> str:
    run = report.run
    facts = {
        "Plate": escape(report.reading or report.plate),
        "Frames": escape(f"{run.frames} ({len(run.frames)})"),
        "Keyframes": escape(in_words(report.keyframes)) if report.keyframes else "none of these",
        "Elements": " ".join(_name(report, place) for place in range(len(report.tracks))),
        "Model": escape(run.licence),
        "Preset": escape(report.preset),
    }
    if run.delivery is not None:
        facts["Time"] = escape(_time(run.delivery))
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in facts.items())
    return f"<dl>{rows}</dl>"


def _time(delivery: Delivery) -> str:
    minutes, seconds = divmod(delivery.seconds, 60)
    took = f"{minutes:.0f} min {seconds:.0f} s" if minutes else f"{seconds:.1f} s"
    speed = f"{delivery.frames_per_second:.2f} frames/s"
    were = "was" if delivery.kept == 1 else "were"
    kept = f"; {delivery.kept} {were} there already" if delivery.kept else ""
    return f"{counted(delivery.made, 'matte')} in {took}, {speed}{kept}"
