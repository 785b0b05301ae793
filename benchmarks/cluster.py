"""Runs a minute on a Slurm of one node and a Ray of two, on this machine: a task for each run, and batches.

python benchmarks/cluster.py [runs]    # needs the extras slurm and ray, and Slurm's packages; as root
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.command import environment
from support.services import RayCluster, SlurmCluster

SWEEP = ("experiment=smoke", "epochs=1", "engine=numpy", "loss=cross_entropy", "hidden=tanh", "output=softmax")


def sweep(home: Path, nodes: RayCluster | SlurmCluster, runs: int, *more: str) -> float:
    """Seconds of a sweep on the cluster; ends the benchmark when it fails."""
    launcher = (
        ("hydra/launcher=slurm",)
        if isinstance(nodes, SlurmCluster)
        else ("hydra/launcher=ray", f"hydra.launcher.address={nodes.address}")
    )
    command = [
        sys.executable,
        "-m",
        "octant",
        *SWEEP,
        f"seed=range({runs})",
        *launcher,
        "hydra.launcher.tasks=2",
        *more,
    ]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment(home, **nodes.clients), capture_output=True, text=True)
    if done.returncode or f"{runs} trained" not in done.stdout:
        raise SystemExit(done.stderr)
    return time.perf_counter() - began


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print("| cluster | runs a task | wall time | runs a minute |\n| --- | --- | --- | --- |", flush=True)
    for cluster in (SlurmCluster, RayCluster):
        with tempfile.TemporaryDirectory() as folder, closing(cluster(Path(folder) / "nodes")) as nodes:
            nodes.start()
            for batch in (1, 100):
                seconds = sweep(Path(folder) / f"home-{batch}", nodes, runs, f"hydra.launcher.runs_per_task={batch}")
                print(
                    f"| {cluster.__name__} | {min(batch, runs // 2)} | {seconds:.0f} s | {60 * runs / seconds:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
