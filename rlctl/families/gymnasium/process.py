"""Groups of Gymnasium environments, called asynchronously: in this process or in another."""

import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from rlctl.core.errors import Diverged, RlctlError, UsageError
from rlctl.core.spawned import SPAWN_EXIT_CODE
from rlctl.families.gymnasium.environment import GymnasiumEnvironment
from rlctl.families.gymnasium.group import GymGroup

EXIT_TIMEOUT = 5.0  # s, then a process is killed


class LocalGroup:
    """Group of environments in this process."""

    def __init__(self, env: GymnasiumEnvironment, *args: Any) -> None:
        self._group = GymGroup(env, *args)
        self._result: Any = None

    def call_async(self, method: str, *args: Any) -> None:
        """Call a method of the group."""
        self._result = getattr(self._group, method)(*args)

    def call_wait(self) -> Any:
        """Return the result of the call."""
        return self._result

    def close(self) -> None:
        """Close the environments.

        Raises:
            Diverged: One raised.
        """
        self._group.close()


class CloseReply(NamedTuple):
    """Last reply of a process: its environments are closed, with an error if that failed."""

    problem: RlctlError | None


class RemoteGroup:
    """Group of environments in another process: `call_wait` waits for the result."""

    def __init__(self, env: GymnasiumEnvironment, *args: Any) -> None:
        context = multiprocessing.get_context("spawn")  # threads do not survive a fork
        self._name, self._when, self._steps = env.spec.id, "", 0
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_worker, args=(theirs, (env, *args)), daemon=True)
        self._process.start()
        theirs.close()

    def call_async(self, method: str, *args: Any) -> None:
        """Send the call of a method to the process."""
        self._steps = {"step": self._steps + 1, "reset": 0}.get(method, self._steps)
        try:
            self._pipe.send((method, args))
        except OSError:
            raise self._exit_error() from None

    def call_wait(self) -> Any:
        """Wait for the result of the call.

        Raises:
            Diverged: An environment raised, or ended the process.
            UsageError: The environments could not be made, or the process not be started.
        """
        try:
            result = self._pipe.recv()
        except (EOFError, OSError):
            raise self._exit_error() from None
        self._when = f"after step {self._steps}"
        if isinstance(result, RlctlError):
            raise result
        return result

    def close(self) -> None:
        """Close the environments and end the process.

        Raises:
            Diverged: One raised.
        """
        problem = self._request_close()
        self._pipe.close()
        self._process.join(timeout=EXIT_TIMEOUT)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if problem is not None:
            raise problem

    def _request_close(self) -> RlctlError | None:
        """Ask the process to close its environments; return the error if that failed."""
        try:
            self._pipe.send(("close", ()))
            while self._pipe.poll(EXIT_TIMEOUT):
                last = self._pipe.recv()  # perhaps the result of an earlier call
                if isinstance(last, CloseReply):
                    return last.problem
            self._process.kill()  # it is in a long call
        except (EOFError, OSError):
            pass  # it has already ended, which an earlier call reported
        return None

    def _exit_error(self) -> RlctlError:
        """Return the error that describes how the process ended."""
        self._process.join(timeout=EXIT_TIMEOUT)
        code = self._process.exitcode
        if not self._when and code == SPAWN_EXIT_CODE:
            return UsageError(
                f"the script that starts rlctl starts it again in each process of {self._name}: "
                'put its code under `if __name__ == "__main__":`'
            )
        how = f"with exit code {code}"
        if code is not None and code < 0:
            how = f"by signal {-code} ({signal.strsignal(-code)})"
        if not self._when and (code or 0) >= 0:
            return UsageError(
                f"a process for {self._name} ended before it had begun, {how}",
                "see its output above; a script that starts rlctl must do so under "
                '`if __name__ == "__main__":`',
            )
        return Diverged(
            f"a process of {self._name} has ended unexpectedly {self._when}, {how}",
            "the environment's code may have ended the process, or memory ran out: use fewer "
            "environments",
            data={"quantity": "process", "step": self._steps},
        )


def _worker(pipe: Connection, args: tuple[Any, ...]) -> None:
    """Serve calls until the other end of the pipe is closed."""
    # Ctrl-C reaches every process of the terminal: only the main one handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    group: GymGroup | None = None
    try:
        while True:
            method, given = pipe.recv()
            if method == "close":
                pipe.send(CloseReply(_close(group)))
                return
            try:
                group = group or GymGroup(*args)
                result = getattr(group, method)(*given)
            except RlctlError as problem:
                result = _portable(problem)
            pipe.send(result)
    except (EOFError, OSError):
        _close(group)


def _close(group: GymGroup | None) -> RlctlError | None:
    """Close a group; return the error if that failed."""
    try:
        if group is not None:
            group.close()
    except RlctlError as problem:
        return _portable(problem)
    return None


def _portable(problem: RlctlError) -> RlctlError:
    """Return the error without its causes, which may not be picklable."""
    return type(problem)(problem.message, problem.hint, problem.data)
