"""`python -m backend.programs`: honcho over the Procfile, with time for a worker to finish what it holds."""

import os

from honcho import command, manager

# Seconds from the first program's end to the kill. Honcho's own five would cut off a worker that waits for
# WeChat's answer (backend/wechat/transport.py: up to 20), and honcho has no option for it.
manager.KILL_WAIT = 30

if __name__ == "__main__":
    try:
        command.main(["--env", os.devnull, "start"])
    except (BrokenPipeError, KeyError):
        # Ctrl-C has ended the `tee` that honcho writes to, or came while honcho was starting the programs. It
        # would now wait for them without having told them to end; whoever started it does that.
        os._exit(1)
