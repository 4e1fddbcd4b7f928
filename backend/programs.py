"""`python -m backend.programs SECONDS`: honcho over the Procfile, giving programs so long to end."""

import os
import sys

from honcho import command, manager

if __name__ == "__main__":
    # From the first program's end to the kill. Honcho's own are five, and it has no option for it.
    manager.KILL_WAIT = float(sys.argv[1])
    try:
        command.main(["--env", os.devnull, "start"])
    except (BrokenPipeError, KeyError):
        # Ctrl-C has ended the `tee` that honcho writes to, or came while honcho was starting the programs. It
        # would now wait for them without having told them to end; whoever started it (runner.py) does that.
        os._exit(1)
