"""Makes `signatures_s0.sql`: the database of a hub that was filled by a Gator with signatures of version s0.

    git worktree add /tmp/s0 56465ca
    PYTHONPATH=/tmp/s0:/tmp/s0/hub python tests/golden/hub/make.py /tmp/s0 tests/golden/hub

It serves a hub of that commit, runs `failing.yaml` three times against it with the same commit, and dumps the
database. The failures are real: KeyError, ValueError and ConnectionRefusedError all begin with `Traceback`,
so s0 gave them one signature. ValueError exists from the second run on. `timeout:` ends two jobs that wait
for different things, which s0 could not tell apart either.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path


def main(checkout: Path, target: Path) -> None:
    """Fills a hub with three runs and writes its dump."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "failing.yaml"
        shutil.copy(target / spec.name, spec)
        environ = {"PATH": os.environ["PATH"], "HOME": name, "PYTHONPATH": f"{checkout}:{checkout / 'hub'}"}
        gator = [sys.executable, "-m", "gator"]
        serve = [*gator, "hub", "serve", "--db", f"sqlite:{folder / 'hub.db'}", "--port", "0"]
        with subprocess.Popen(serve, env=environ, stdout=subprocess.PIPE, text=True) as hub:
            assert hub.stdout is not None
            address = hub.stdout.readline().split()[-1].removeprefix("http://")
            for stage in ("1", "2", "3"):
                options = ["--hub", address, "--hub-wait", "30s", "--seed", stage]
                # A folder of its own for each run: paths in messages must not be a part of causes.
                cwd = folder / f"stage{stage}"
                cwd.mkdir()
                run = [*gator, "run", str(spec), *options]
                subprocess.run(run, env={**environ, "STAGE": stage}, cwd=cwd, check=False)
            hub.terminate()
        connection = sqlite3.connect(folder / "hub.db")
        dump = [line for line in connection.iterdump() if "sqlite_stat" not in line]
        (target / "signatures_s0.sql").write_text("\n".join(dump) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
