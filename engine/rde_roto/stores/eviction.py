"""What to remove from a cache that has grown too large.

Raw mattes and pushed frames take most of the space, but a matte is quick to compute from a nearby
state and a frame can be pushed again. States are few; without them no jump to a frame is fast and
no killed run can resume. So a quarter of the budget is reserved for states and three quarters for
pictures. Either may use what the other leaves free.
"""

from __future__ import annotations

from collections import deque

from rde_roto.stores.layout import CacheScan, Entry, Snapshot, SpanEntries, bytes_of

_STATES_SHARE = 1 / 4


def surplus(scan: CacheScan, target_bytes: int) -> list[Entry]:
    """Return the entries to remove so that at most ``target_bytes`` stay; leftovers always go."""
    states_share = round(target_bytes * _STATES_SHARE)
    pictures_share = target_bytes - states_share
    pictures_bytes, states_bytes = scan.pictures_bytes, bytes_of(scan.states)
    pictures_excess = pictures_bytes - (target_bytes - min(states_bytes, states_share))
    states_excess = states_bytes - (target_bytes - min(pictures_bytes, pictures_share))
    return (
        scan.leftovers
        + _least_recently_used(scan.pictures, pictures_excess)
        + _thinned(list(scan.spans.values()), states_excess)
    )


def _least_recently_used(entries: list[Entry], excess_bytes: int) -> list[Entry]:
    removed: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: (entry.used_ns, entry.name)):
        if excess_bytes <= 0:
            break
        removed.append(entry)
        excess_bytes -= entry.bytes
    return removed


def _thinned(spans: list[SpanEntries], excess_bytes: int) -> list[Entry]:
    """Thin out in rounds: each round takes one snapshot of every span, the least recently used
    span first.
    """
    removed: list[Entry] = []
    rounds = deque(sorted(spans, key=lambda span: span.used_ns))
    kept = {id(span): _in_order(span.snapshots) for span in spans}
    while excess_bytes > 0 and rounds:
        span = rounds.popleft()
        snapshots = kept[id(span)]
        index = _most_redundant(snapshots)
        if index is None:
            going = SpanEntries(span.anchors, snapshots).entries
        else:
            going = [snapshots.pop(index).entry]
            rounds.append(span)
        removed += going
        excess_bytes -= bytes_of(going)
    return removed


def _in_order(snapshots: list[Snapshot]) -> list[Snapshot]:
    return sorted(snapshots, key=lambda snapshot: (snapshot.index, snapshot.entry.used_ns))


def _most_redundant(snapshots: list[Snapshot]) -> int | None:
    """The index of the snapshot whose neighbours are closest; None if only the ends are left.

    What stays is spread evenly: no gap becomes wider than twice the mean. The last snapshot is
    what a killed run resumes from. The first one, at the keyframe, is almost empty.
    """

    def gap(index: int) -> int:
        before = snapshots[index - 1].index if index else 0
        return snapshots[index + 1].index - before

    inner = [index for index in range(len(snapshots) - 1) if snapshots[index].index > 0]
    return min(inner, key=lambda index: (gap(index), snapshots[index].entry.used_ns), default=None)
