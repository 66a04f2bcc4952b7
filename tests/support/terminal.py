"""Runs a command in a pseudo-terminal, and says what a person sees there.

    shown = terminal("replay", "world.jsonl", "--out", "out", columns=80, cwd=tmp_path)
    assert shown.code == 0
    assert "no records rejected" in shown.text          # all lines, those that have scrolled off as well
    assert RED not in shown.raw                          # what was sent to the terminal, escape sequences included

`keys=[("hours pass per second", CTRL_C)]` presses keys once the words are on the screen; `given` pipes standard input, `pipe="stdout"` or
`"stderr"` one of the outputs (its bytes: `shown.piped`). What is drawn is kept as text by `tests.support.screens`.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyte

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
CTRL_C = b"\x03"
SCROLLED = 100_000
"""Lines that are remembered once they have scrolled off."""
OURS = "import sys; from dataflows.cli.main import main; main(sys.argv[1:])"
CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(next(fd for fd in (0, 1, 2) if os.isatty(fd)), termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the one that Ctrl-C is pressed on, then becomes the command."""
NOT_HERE = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command showed, and how it ended (negative: by a signal)."""

    code: int
    lines: tuple[str, ...]
    """What can be read when it has ended, from the first line on, without blanks at the ends of lines."""
    raw: bytes
    piped: bytes = b""

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "".join(f"{line}\n" for line in self.lines)


def terminal(
    *arguments: object,
    columns: int = 80,
    rows: int = 24,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    term: str = "xterm-256color",
    given: bytes | None = None,
    pipe: Literal["stdout", "stderr"] | None = None,
    keys: Sequence[tuple[str, bytes]] = (),
    program: Sequence[str] | None = None,
    seconds: float = 120,
) -> Shown:
    """Runs `orderwatch ARGUMENTS`, or another program, in a terminal of `columns` x `rows`.

    `given` is piped into standard input, `pipe` says which output goes to a pipe; all else is the terminal. `keys` are pressed one after
    the other, each once its words have been drawn. Raises TimeoutError, with what was drawn, if it has not ended after `seconds`.
    """
    words = [*(program or (sys.executable, "-c", OURS)), *map(str, arguments)]
    surroundings = {name: value for name, value in os.environ.items() if name not in NOT_HERE and not name.startswith("ORDERWATCH_")}
    surroundings |= {"TERM": term, "PYTHONPATH": str(ROOT), **(environment or {})}
    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLED, *words],
            stdin=theirs if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE if pipe == "stdout" else theirs,
            stderr=subprocess.PIPE if pipe == "stderr" else theirs,
            cwd=cwd,
            env=surroundings,
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    watch = _Watch(process, ours, pyte.HistoryScreen(columns, rows, history=SCROLLED, ratio=0.5))
    try:
        watch.until_end(given, keys, time.monotonic() + seconds)
        return Shown(process.wait(), watch.lines(), bytes(watch.raw), bytes(watch.piped))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(ours)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


class _Watch:
    """A command that runs in a terminal: what it draws, what it pipes, and what is typed."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int, screen: pyte.HistoryScreen) -> None:
        self.raw = bytearray()
        self.piped = bytearray()
        self._process = process
        self._ours = ours
        self._screen = screen
        self._stream = pyte.ByteStream(screen)
        self._seen = 0

    def until_end(self, given: bytes | None, keys: Sequence[tuple[str, bytes]], end: float) -> None:
        """Draws until nobody has the terminal open any more."""
        if given is not None:
            threading.Thread(target=self._give, args=(given,), daemon=True).start()
        ahead = list(keys)
        with selectors.DefaultSelector() as selector:
            selector.register(self._ours, selectors.EVENT_READ, self._draw)
            for stream in (self._process.stdout, self._process.stderr):
                if stream is not None:
                    selector.register(stream.fileno(), selectors.EVENT_READ, self.piped.extend)
            while selector.get_map():
                found = selector.select(max(0.0, end - time.monotonic()))
                if not found:
                    raise TimeoutError("it has not ended; on the screen:\n" + "\n".join(self.lines()[-24:]))
                for key, _ in found:
                    if chunk := _read(key.fd):
                        key.data(chunk)
                    else:
                        selector.unregister(key.fd)
                while ahead and (at := self.raw.find(ahead[0][0].encode(), self._seen)) >= 0:
                    self._seen = at + 1
                    os.write(self._ours, ahead.pop(0)[1])

    def lines(self) -> tuple[str, ...]:
        """All lines, down to the last that is not empty."""
        columns = range(self._screen.columns)
        grid: list[Any] = [*self._screen.history.top, *(self._screen.buffer[row] for row in range(self._screen.lines))]
        lines = ["".join(row[column].data for column in columns).rstrip() for row in grid]
        while lines and not lines[-1]:
            lines.pop()
        return tuple(lines)

    def _draw(self, chunk: bytes) -> None:
        self.raw += chunk
        self._stream.feed(chunk)

    def _give(self, given: bytes) -> None:
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(given)
            stream.close()
        except (BrokenPipeError, ValueError):
            pass  # it did not read to the end


def _read(descriptor: int) -> bytes:
    """The next bytes; none at the end, which a terminal on Linux says by an error."""
    try:
        return os.read(descriptor, 65_536)
    except OSError:
        return b""
