"""What to remove from a cache that has grown too large.

Raw mattes and pushed frames take most of the room; a matte is quick to make from a state nearby, a
frame is pushed again. States are few, and what makes a jump to any frame and the resuming of a
killed run possible. So a quarter of the budget is kept for states, which no flood of pictures
pushes out, three quarters for pictures; either may use what the other leaves free.
"""

from __future__ import annotations

from collections import deque

from rde_roto.stores.layout import CacheScan, Entry, Snapshot, SpanEntries, bytes_of

_STATES_SHARE = 1 / 4


def surplus(census: CacheScan, target_bytes: int) -> list[Entry]:
    """What to remove so that no more than ``target_bytes`` are left; left-overs go in any case."""
    states_share = round(target_bytes * _STATES_SHARE)
    pictures_share = target_bytes - states_share
    pictures_bytes, states_bytes = census.pictures_bytes, bytes_of(census.states)
    pictures_excess = pictures_bytes - (target_bytes - min(states_bytes, states_share))
    states_excess = states_bytes - (target_bytes - min(pictures_bytes, pictures_share))
    return (
        census.left_overs
        + _used_longest_ago(census.pictures, pictures_excess)
        + _thinned(list(census.spans.values()), states_excess)
    )


def _used_longest_ago(entries: list[Entry], excess_bytes: int) -> list[Entry]:
    gone: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: (entry.used_ns, entry.name)):
        if excess_bytes <= 0:
            break
        gone.append(entry)
        excess_bytes -= entry.bytes
    return gone


def _thinned(spans: list[SpanEntries], excess_bytes: int) -> list[Entry]:
    """In rounds, the span not used longest first: in each round every span loses a snapshot."""
    gone: list[Entry] = []
    rounds = deque(sorted(spans, key=lambda span: span.used_ns))
    kept = {id(span): _in_order(span.snapshots) for span in spans}
    while excess_bytes > 0 and rounds:
        span = rounds.popleft()
        snapshots = kept[id(span)]
        place = _least_missed(snapshots)
        if place is None:
            going = SpanEntries(span.anchors, snapshots).entries
        else:
            going = [snapshots.pop(place).entry]
            rounds.append(span)
        gone += going
        excess_bytes -= bytes_of(going)
    return gone


def _in_order(snapshots: list[Snapshot]) -> list[Snapshot]:
    return sorted(snapshots, key=lambda snapshot: (snapshot.index, snapshot.entry.used_ns))


def _least_missed(snapshots: list[Snapshot]) -> int | None:
    """The place of the snapshot whose neighbours are closest; None where only the ends are left.

    So those that stay are spread out: no gap that this makes is wider than twice the mean. The
    last one is what a killed run resumes from. The first, the keyframe's own, is all but empty.
    """

    def gap(place: int) -> int:
        before = snapshots[place - 1].index if place else 0
        return snapshots[place + 1].index - before

    inner = [place for place in range(len(snapshots) - 1) if snapshots[place].index > 0]
    return min(inner, key=lambda place: (gap(place), snapshots[place].entry.used_ns), default=None)
