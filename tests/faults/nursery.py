"""`python -m tests.faults.nursery SOCKET`: children of the product that need not import it, a second of work each time.

Each connection asks for one process: a line of JSON (`argv`, `env`, `log`) is answered with its pid and, after its end, its exit
status. The product runs in a process of its own, forked from one in which nothing has run yet. With `STEPS` in its environment, a file,
it writes down there which marked steps it passes, where nothing else is armed.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
import traceback
from typing import Any

import server.__main__
import server.app
import server.web
import server.worker  # noqa: F401
from base import failpoint


def main(path: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _attend(connection)
            connection.close()


def _attend(connection: socket.socket) -> None:
    with connection, connection.makefile("rw") as stream:
        wanted = json.loads(stream.readline())
        pid = os.fork()
        if pid == 0:
            connection.close()
            os._exit(_live(wanted))
        print(pid, file=stream, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=stream, flush=True)
    os._exit(0)


def _live(wanted: dict[str, Any]) -> int:
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(ours, number)
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(wanted["env"])
    if steps := os.environ.get("STEPS"):
        failpoint.arm(_writing(steps, wanted["argv"][-1]))
    _, module, *arguments = wanted["argv"]
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _writing(file: str, who: str) -> failpoint.Handler:
    def passed(name: str) -> None:
        with open(file, "a", encoding="utf-8") as steps:
            steps.write(f"{who} {name}\n")

    return passed


if __name__ == "__main__":
    main(sys.argv[1])
