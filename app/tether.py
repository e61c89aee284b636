"""The first moment of every child process: tie its life to the parent's, then become the program.

Run as a script with nothing of ours imported: tether.py PARENT NICENESS PROGRAM ARGUMENT…
"""

import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

PR_SET_PDEATHSIG = 1
WATCH_SECONDS = 0.5


def main(parent: int, niceness: int, argv: list[str]) -> NoReturn:
    """Become the program; where the kernel cannot end a child with its parent, stay in front of it and watch."""
    if niceness:
        os.nice(niceness)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would hand that on
    if sys.platform != "linux":
        sys.exit(watch(parent, argv))
    die_with_parent()
    if os.getppid() != parent:  # it died before the kernel was told
        sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606  # the supervisor wrote the command line


def die_with_parent() -> None:
    """Ask Linux for a SIGKILL when the parent is gone, however it went; this survives exec."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def watch(parent: int, argv: list[str]) -> int:
    """Run the program, hand signals on to it, and kill it when the parent is gone (macOS)."""
    child = subprocess.Popen(argv, close_fds=False)  # noqa: S603  # as above
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(WATCH_SECONDS)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
