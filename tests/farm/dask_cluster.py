"""A Dask cluster of two processes with a GPU tag each, until standard input ends.

The first line of its standard output is the scheduler's address.
"""

from __future__ import annotations

import sys

from distributed import LocalCluster


def main() -> None:
    with LocalCluster(
        n_workers=2,
        threads_per_worker=2,
        processes=True,
        dashboard_address=None,
        resources={"GPU": 1},
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
