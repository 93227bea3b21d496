"""Child processes that do not outlive us, however we end."""

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def die_with_parent(death_signal: signal.Signals, *, parent: int | None = None) -> Callable[[], None]:
    """For `preexec_fn`. The kernel counts the *thread* that forks as the parent: start children from the main thread."""
    libc = ctypes.CDLL(None)  # loaded before the fork
    expected = parent or os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != expected:  # it died between fork and prctl
            os._exit(1)

    return ask
