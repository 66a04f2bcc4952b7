"""An append-only file of lines: the embedded log, and where refused requests are kept.

    NAME.jsonl          is written
    NAME-000001.jsonl   is full, and never touched again

A line counts once it is on the disk; requests share that wait (`group`). A crash can leave a line torn at the end of the file that was
written: nobody was told that it counts, and the next start cuts it off.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from sources.gateway.files import make_folder, open_file
from sources.gateway.group import GroupCommit

SEGMENT_BYTES: Final = 256 << 20
SCAN: Final = 1 << 20


class Journal:
    """Lines in a folder, under a name. `keep`: how many full files stay, the oldest go first; None: all.

    `fsync` off leaves it to the system when lines reach the disk: a crash of the host may then lose some, one of the process none.
    Raises OSError when made if the folder cannot be written.
    """

    def __init__(self, folder: Path, name: str, *, segment_bytes: int = SEGMENT_BYTES, keep: int | None = None, fsync: bool = True) -> None:
        make_folder(folder)
        self.path = folder / f"{name}.jsonl"
        self.torn = _repair(self.path)
        """Bytes that a crash had left and the start cut off."""
        self.dropped = 0
        """Full files that went because of `keep`."""
        self._segment = re.compile(rf"{re.escape(name)}-(\d{{6,}})\.jsonl")
        self._folder, self._name = folder, name
        self._segment_bytes, self._keep, self._fsync = segment_bytes, keep, fsync
        self._handle = -1
        self._length = 0
        self._shrinking = Lock()
        """Held while full files go or are written anew."""
        for path in folder.glob(f"{name}*.jsonl.new"):
            path.unlink()  # a purge that was cut short; the file itself is whole
        for _, path in self._full():
            os.close(open_file(path, os.O_RDONLY))
        self._open()
        self._group: GroupCommit[Sequence[bytes]] = GroupCommit(f"journal {name}", self._commit)

    async def write(self, lines: Sequence[bytes]) -> None:
        """Returns once the lines (without their line feeds) are on the disk, one after the other. Raises OSError."""
        await self._group.add(lines)

    def close(self) -> None:
        """Writes what waits."""
        self._group.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def files(self) -> list[Path]:
        """All files, oldest first."""
        return [*(path for _, path in self._full()), self.path]

    async def purge(self, is_old: Callable[[bytes], bool]) -> int:
        """Lines that are old go, the oldest of all files being the first; returns how many went. Raises OSError.

        The file that is written is looked at too: if its first line is old, it counts as full from then on.
        """
        if is_old(_first_line(self.path)):
            await self._group.add(())
        return await asyncio.to_thread(self._purge, is_old)

    async def rewrite(self, change: Callable[[bytes], bytes | None]) -> int:
        """Every line becomes what `change` makes of it, both without line feeds; None: it goes. Returns how many changed. Raises OSError.

        The file that is written counts as full from then on, if one of its lines changes.
        """
        if await asyncio.to_thread(_changes, self.path, change):
            await self._group.add(())
        return await asyncio.to_thread(self._rewrite, change)

    def _rewrite(self, change: Callable[[bytes], bytes | None]) -> int:
        changed = 0
        with self._shrinking:
            for _, path in self._full():
                if count := _changes(path, change):
                    _write_anew(path, change)
                    changed += count
            if changed:
                self._sync_folder()
        return changed

    def _purge(self, is_old: Callable[[bytes], bool]) -> int:
        gone = 0
        with self._shrinking:
            for _, path in self._full():
                if not is_old(_first_line(path)):
                    break
                gone += _without_old(path, is_old)
            if gone:
                self._sync_folder()
        return gone

    # --- on the thread ---------------------------------------------------------------------------

    def _commit(self, groups: list[Sequence[bytes]]) -> None:
        content = b"".join(line + b"\n" for lines in groups for line in lines)
        try:
            if self._handle < 0:
                self._open(self._length)
            left = memoryview(content)
            while left:
                left = left[os.write(self._handle, left) :]
            if self._fsync:
                os.fdatasync(self._handle)
        except OSError:
            self._take_back()
            raise
        self._length += len(content)
        if self._length >= self._segment_bytes or (self._length and not all(groups)):  # a write of no lines asks for a new file
            self._rotate()

    def _take_back(self) -> None:
        """After a failure nobody knows what of the last write is on the disk: the next one opens the file anew and cuts it off."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _open(self, length: int | None = None) -> None:
        """Opens the file to append to it; what stands beyond `length` is cut off."""
        handle = open_file(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            size = os.fstat(handle).st_size
            if length is not None and size > length:
                os.ftruncate(handle, length)
                size = length
            self._sync_folder()
        except OSError:
            os.close(handle)
            raise
        self._handle, self._length = handle, size

    def _rotate(self) -> None:
        full = self._full()
        number = full[-1][0] + 1 if full else 1
        os.close(self._handle)
        self._handle = -1
        self.path.rename(self._folder / f"{self._name}-{number:06d}.jsonl")
        self._length = 0
        if self._keep is not None:
            with self._shrinking:
                for _, path in self._full()[: -self._keep or None]:
                    path.unlink()
                    self.dropped += 1
        self._open()

    def _full(self) -> list[tuple[int, Path]]:
        found = ((self._segment.fullmatch(path.name), path) for path in self._folder.iterdir())
        return sorted((int(match[1]), path) for match, path in found if match)

    def _sync_folder(self) -> None:
        if not self._fsync:
            return
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _repair(path: Path) -> int:
    """Cuts off what is no whole line at the end of a file; returns how many bytes that were.

    A power cut may also leave zeros where data had not been written yet; no line has one.
    """
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return 0
    with file:
        size = file.seek(0, os.SEEK_END)
        good = at = 0
        file.seek(0)
        while chunk := file.read(SCAN):
            zero = chunk.find(b"\0")
            end = chunk.rfind(b"\n", 0, zero if zero >= 0 else len(chunk))
            if end >= 0:
                good = at + end + 1
            if zero >= 0:
                break
            at += len(chunk)
        if good < size:
            file.truncate(good)
            file.flush()
            os.fsync(file.fileno())
        return size - good


def _first_line(path: Path) -> bytes:
    """The first line of a file; nothing where it has none, or is gone by now."""
    try:
        with path.open("rb") as file:
            return file.readline()
    except FileNotFoundError:
        return b""


def _changes(path: Path, change: Callable[[bytes], bytes | None]) -> int:
    """How many lines of a file would change; none where it is gone by now."""
    try:
        with path.open("rb") as file:
            return sum(change(line.rstrip(b"\n")) != line.rstrip(b"\n") for line in file)
    except FileNotFoundError:
        return 0


def _without_old(path: Path, is_old: Callable[[bytes], bool]) -> int:
    """Writes a full file anew without its lines that are old, or removes it; returns how many lines went."""
    return _write_anew(path, lambda line: None if is_old(line + b"\n") else line)


def _write_anew(path: Path, change: Callable[[bytes], bytes | None]) -> int:
    """Writes a full file anew with what becomes of its lines, or removes it if nothing does; returns how many lines went."""
    draft = path.with_name(f"{path.name}.new")
    left = gone = 0
    handle = open_file(draft, os.O_WRONLY | os.O_TRUNC)
    with path.open("rb") as old, os.fdopen(handle, "wb") as new:
        for line in old:
            becomes = change(line.rstrip(b"\n"))
            if becomes is None:
                gone += 1
            else:
                left += 1
                new.write(becomes + b"\n")
        new.flush()
        os.fsync(new.fileno())
    if left:
        draft.replace(path)
    else:
        path.unlink()
        draft.unlink()
    return gone
