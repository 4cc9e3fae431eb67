"""For the process that reads what other tools saved: it ends at once if it does more than read."""

import os
import sys

_NEVER = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn", "os.mkdir",
          "os.rename", "os.remove", "os.symlink", "subprocess.Popen", "socket.connect",
          "socket.bind",
          "webbrowser.open", "shutil.rmtree")  # fmt: skip
_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _hear(event: str, args: tuple) -> None:
    writes = event == "open" and isinstance(args[0], (str, bytes)) and (args[2] or 0) & _WRITE
    if event in _NEVER or (writes and os.fsdecode(args[0]) != "/dev/null"):
        os.write(2, f"{event} {args}\n".encode(errors="replace"))
        os._exit(97)


if "rlctl.checkpoints.foreign.sandbox_child" in sys.orig_argv:
    sys.dont_write_bytecode = True
    sys.addaudithook(_hear)
