"""Groups of Gymnasium environments, asked and answered: in this process or in one of their own."""

import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from rlctl.core.errors import Diverged, RlctlError, UsageError
from rlctl.core.spawned import SPAWN_EXIT_CODE
from rlctl.envs.families.gymnasium import GymnasiumEnvironment
from rlctl.rollouts.gym_group import GymGroup

PATIENCE = 5.0  # s that a process may take to end


class Local:
    """A group of this process."""

    def __init__(self, env: GymnasiumEnvironment, *args: Any) -> None:
        self._group = GymGroup(env, *args)
        self._answer: Any = None

    def ask(self, method: str, *args: Any) -> None:
        """Call a method of the group."""
        self._answer = getattr(self._group, method)(*args)

    def answer(self) -> Any:
        """What it returned."""
        return self._answer

    def close(self) -> None:
        """Close the environments.

        Raises:
            Diverged: One raised.
        """
        self._group.close()


class Closed(NamedTuple):
    """The last answer of a process: its environments are closed, and what went wrong with that."""

    problem: RlctlError | None


class Remote:
    """A group in a process of its own: `ask` does not wait, `answer` does."""

    def __init__(self, env: GymnasiumEnvironment, *args: Any) -> None:
        context = multiprocessing.get_context("spawn")  # threads do not survive a fork
        self._name, self._when, self._steps = env.spec.id, "", 0
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, (env, *args)), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, method: str, *args: Any) -> None:
        """Have a method of the group called."""
        self._steps = {"step": self._steps + 1, "reset": 0}.get(method, self._steps)
        try:
            self._pipe.send((method, args))
        except OSError:
            raise self._gone() from None

    def answer(self) -> Any:
        """What it returned, or raised.

        Raises:
            Diverged: An environment raised, or ended the process.
            UsageError: The environments cannot be made, or the process not be started.
        """
        try:
            result = self._pipe.recv()
        except (EOFError, OSError):
            raise self._gone() from None
        self._when = f"after step {self._steps}"
        if isinstance(result, RlctlError):
            raise result
        return result

    def close(self) -> None:
        """Close the environments and end the process.

        Raises:
            Diverged: One raised.
        """
        problem = self._farewell()
        self._pipe.close()
        self._process.join(timeout=PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if problem is not None:
            raise problem

    def _farewell(self) -> RlctlError | None:
        """Have the environments closed: what went wrong with that."""
        try:
            self._pipe.send(("close", ()))
            while self._pipe.poll(PATIENCE):
                last = self._pipe.recv()  # or the answer to what was asked before
                if isinstance(last, Closed):
                    return last.problem
            self._process.kill()  # it is in the middle of something long
        except (EOFError, OSError):
            pass  # it has ended already, and that was told where it mattered
        return None

    def _gone(self) -> RlctlError:
        """The error that tells how the process ended."""
        self._process.join(timeout=PATIENCE)
        code = self._process.exitcode
        if not self._when and code == SPAWN_EXIT_CODE:
            return UsageError(
                f"the script that starts rlctl starts it again in each process of {self._name}: "
                'put what it does under `if __name__ == "__main__":`'
            )
        how = f"with exit code {code}"
        if code is not None and code < 0:
            how = f"by signal {-code} ({signal.strsignal(-code)})"
        if not self._when and (code or 0) >= 0:
            return UsageError(
                f"a process to step {self._name} in ended before it had begun, {how}",
                "what it printed says why; a script that starts rlctl does so under "
                '`if __name__ == "__main__":`',
            )
        return Diverged(
            f"a process of {self._name} has ended unexpectedly {self._when}, {how}",
            "the last checkpoint is intact; the environment's own code may have ended it, or the "
            "memory may be full, of which fewer environments need less",
            data={"quantity": "process", "step": self._steps},
        )


def _serve(pipe: Connection, args: tuple[Any, ...]) -> None:
    """Do what is asked until the other end is closed. Ctrl-C is the other process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    group: GymGroup | None = None
    try:
        while True:
            method, given = pipe.recv()
            if method == "close":
                pipe.send(Closed(_closed(group)))
                return
            try:
                group = group or GymGroup(*args)
                result = getattr(group, method)(*given)
            except RlctlError as problem:
                result = _portable(problem)
            pipe.send(result)
    except (EOFError, OSError):
        _closed(group)


def _closed(group: GymGroup | None) -> RlctlError | None:
    """Close a group: what went wrong with that."""
    try:
        if group is not None:
            group.close()
    except RlctlError as problem:
        return _portable(problem)
    return None


def _portable(problem: RlctlError) -> RlctlError:
    """The error without its causes, which need not be known to another process."""
    return type(problem)(problem.message, problem.hint, problem.data)
