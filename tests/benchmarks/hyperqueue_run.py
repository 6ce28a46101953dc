"""The array of `true` on HyperQueue's LocalCluster, for run_bench.py. Needs PyPI `hyperqueue`."""

# pyright: basic, reportMissingImports=false

import sys

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

if __name__ == "__main__":
    with LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig())
        client = cluster.client()
        job = Job()
        for _ in range(int(sys.argv[1])):
            job.program(["true"])
        submitted = client.submit(job)
        client.wait_for_jobs([submitted])
