"""Programs that use the client and end in every possible way, and a process that runs them.

`python client_exit_programs.py` reads one line of JSON: the time limit, and a list of [program, parent,
address, fresh]. A fresh program has its own interpreter. Others are forks of this process, which has imported
everything but has sent nothing, so that twenty thousand programs take minutes instead of hours. Prints one
line of JSON per program: program, parent, exit code (null if it hung), seconds.
"""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping

HASTY = "client.client.EXIT_SECONDS = 0.2\n"
"""Prepended if the parent is silent or gone, because otherwise each program waits for its full timeout."""

PROGRAMS: Mapping[str, str] = {
    "return": "for i in range(20): client.info(f'm {i}'); client.metric('x', i)",
    "sys.exit": "import sys; client.metric('y', 1.0); sys.exit(0)",
    "exception": "client.info('before'); raise SystemError('wanted')",
    "TERM": "import os, time\nclient.info('a')\nos.kill(os.getpid(), 15); time.sleep(9)",
    "TERM later": (
        "import os, random, threading, time\n"
        "threading.Timer(random.random() / 20, os.kill, (os.getpid(), 15)).start()\n"
        "while True: client.info('a')"
    ),
    "threads": (
        "import threading\n"
        "ts = [threading.Thread(target=lambda: [client.info('t') for _ in range(30)]) for _ in range(4)]\n"
        "[t.start() for t in ts]; [t.join() for t in ts]"
    ),
    "threads that keep running": (
        "import threading\n"
        "def late():\n    threading.main_thread().join(); client.info('late')\n"
        "client.info('early'); threading.Thread(target=late).start()"
    ),
    "daemon threads": (
        "import random, threading, time\n"
        "def talk():\n    while True: client.info('d')\n"
        "[threading.Thread(target=talk, daemon=True).start() for _ in range(2)]\n"
        "time.sleep(random.random() * 0.02)"
    ),
    "handler": (
        "import logging\nlogging.basicConfig(level=20, handlers=[client.GatorHandler()])\n"
        "[logging.info('h %d', i) for i in range(50)]"
    ),
    "destructor": (
        "class Late:\n    def __del__(self): client.info('late')\nlate = Late(); client.info('early')\n"
        "import sys; sys.modules['late'] = late"
    ),
    "atexit": "import atexit; atexit.register(client.info, 'bye'); client.info('a')",
    "only atexit": "import atexit; atexit.register(client.info, 'bye')",
    "with": "with client.connect() as job: job.log('x')",
    "fork": (
        "import os, sys\nclient.info('parent')\n"
        "if os.fork() == 0: client.info('child'); sys.exit(0)\n"
        "os.wait()"
    ),
    "multiprocessing": (
        "import multiprocessing as mp\nclient.info('parent')\n"
        "p = [mp.get_context('fork').Process(target=client.info, args=('c',)) for _ in range(2)]\n"
        "[q.start() for q in p]; [q.join() for q in p]"
    ),
    "gator metric": (
        "from gator.cli.main import main; import sys; sys.argv[1:] = ['metric', 'x', '1']; main()"
    ),
    "gator log": "from gator.cli.main import main; import sys; sys.argv[1:] = ['log', 'x']; main()",
}
_EXPECTED: Mapping[str, int] = {"exception": 1, "TERM": -signal.SIGTERM, "TERM later": -signal.SIGTERM}


def expected(program: str, parent: str) -> int:
    """Returns the right exit code."""
    return _EXPECTED.get(program, 3 if program.startswith("gator") and parent != "answers" else 0)


def text_of(program: str, parent: str) -> str:
    """Returns the complete source of a program."""
    return "from gator import client\n" + ("" if parent == "answers" else HASTY) + PROGRAMS[program]


def serve() -> str:
    """Runs programs. In a forked process it returns the source of the program."""
    order = json.loads(sys.stdin.readline())
    log = os.open(os.devnull, os.O_RDWR)
    for program, parent, address, fresh in order["programs"]:
        os.environ["GATOR_PARENT"] = address
        text = text_of(program, parent)
        began = time.monotonic()
        pid = _spawn(text, log) if fresh else os.fork()
        if not pid:
            for descriptor in (0, 1, 2):
                os.dup2(log, descriptor)
            return text
        code = _code(pid, order["limit"])
        result = [program, parent, code, time.monotonic() - began]
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
    os._exit(0)


def _spawn(text: str, log: int) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, log, descriptor) for descriptor in (0, 1, 2)]
    return os.posix_spawn(sys.executable, [sys.executable, "-c", text], os.environ, file_actions=actions)


def _code(pid: int, limit: float) -> int | None:
    """Returns the exit code; None if the process had to be killed."""
    pidfd = os.pidfd_open(pid)
    hung = not select.select([pidfd], [], [], limit)[0]
    os.close(pidfd)
    if hung:
        sys.stderr.write(f"hung: {pid}\n")
        if os.environ.get("STRESS_KEEP"):
            return None
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return None if hung else os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    from gator.cli import main
    from gator.cli.commands.run import job as job_commands
    from gator.client import connection as client_connection
    from gator.client import forks

    del client_connection, job_commands, main
    wanted = serve()
    # The fork represents a program that has just started.
    forks._forked.clear()  # pyright: ignore[reportPrivateUsage]
    sys.argv = ["program"]
    exec(compile(wanted, "<program>", "exec"), {"__name__": "__main__"})
