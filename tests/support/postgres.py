"""A real PostgreSQL for tests: Debian's server, made by initdb in a temporary folder, reached by a socket in it only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

ROOTS = (Path("/usr/lib/postgresql"), Path(".uv/tools/usr/lib/postgresql"))
PATIENCE_S = 60
UNPRIVILEGED = ("postgres", "nobody")
"""initdb refuses to run as root; as whom it runs then."""


def programs() -> Path | None:
    """The folder of initdb and postgres; None where there is none, or nobody to run them as."""
    given = os.environ.get("ORDERWATCH_POSTGRES")
    found = [Path(given)] if given else [folder for root in ROOTS if root.is_dir() for folder in sorted(root.glob("*/bin"), reverse=True)]
    found += [Path(initdb).parent] if (initdb := shutil.which("initdb")) else []
    return next((folder.resolve() for folder in found if (folder / "initdb").is_file()), None)


def why_not() -> str | None:
    """Why there is no PostgreSQL here; None if there is."""
    if programs() is None:
        return "no PostgreSQL: neither ORDERWATCH_POSTGRES, nor /usr/lib/postgresql/*/bin, nor initdb on the path"
    if os.geteuid() == 0 and (shutil.which("setpriv") is None or _user() is None):
        return "PostgreSQL does not run as root, and there is no user to run it as"
    found = programs()
    assert found is not None
    try:
        done = subprocess.run(_line(found, "initdb", "--version"), capture_output=True, text=True, check=False, env=_environment(found))
    except OSError as error:
        return f"PostgreSQL does not run: {error}"
    return None if done.returncode == 0 else f"PostgreSQL does not run: {done.stderr.strip()}"


class PostgresServer:
    """A server; every test takes a database of its own."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        self._data, self._process = folder / "data", None

    def make(self) -> None:
        """Makes the cluster."""
        self._run("initdb", "-D", str(self._data), "-U", "orderwatch", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")

    def start(self, *settings: str) -> None:
        """Starts it, and waits until it answers."""
        given = [
            "-c listen_addresses=''",
            f"-c unix_socket_directories='{self.folder}'",
            "-c fsync=off",
            *(f"-c {each}" for each in settings),
        ]
        self._run(
            "pg_ctl", "-D", str(self._data), "-w", "-t", str(PATIENCE_S), "-l", str(self.folder / "log"), "-o", " ".join(given), "start"
        )

    def stop(self, how: str = "immediate") -> None:
        """Stops it: `fast`, or `immediate` as a crash would."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", how, "stop")

    def url(self, database: str = "postgres") -> str:
        """The URL of a database of it."""
        return f"postgresql://orderwatch@/{database}?host={self.folder}"

    def database(self, template: str = "template1") -> str:
        """The URL of a new database, a copy of another one."""
        name = f"test_{uuid.uuid4().hex}"
        engine = create_engine(self.url().replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
        engine.dispose()
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        line, environment = _line(self._programs, program, *arguments), _environment(self._programs)
        done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=self.folder, env=environment)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


@contextmanager
def server() -> Generator[PostgresServer]:
    """A server while inside. Only where `why_not` finds nothing."""
    found = programs()
    assert found is not None
    # A socket's path may have 107 characters: not below pytest's folders.
    with tempfile.TemporaryDirectory(prefix="ow-pg-") as made:
        folder = Path(made)
        if os.geteuid() == 0:
            user = _user()
            assert user is not None
            os.chown(folder, user, user)
            folder.chmod(0o755)
        running = PostgresServer(folder, found)
        running.make()
        running.start()
        try:
            yield running
        finally:
            running.stop()


def _line(programs: Path, program: str, *arguments: str) -> list[str]:
    """The command line of a program; of root as somebody else."""
    line = [str(programs / program), *arguments]
    if os.geteuid() != 0:
        return line
    user = _user()
    assert user is not None
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *line]


def _environment(programs: Path) -> dict[str, str]:
    """The variables of a program; what was unpacked and not installed finds its libraries beside it."""
    beside = [str(path.parent) for path in programs.parents[3].glob("lib/*/libpq.so.5") if not path.is_relative_to("/usr")]
    return {**os.environ, "LC_ALL": "C.UTF-8", **({"LD_LIBRARY_PATH": ":".join(beside)} if beside else {})}


def _user() -> int | None:
    import pwd  # noqa: PLC0415 (of Unix only, as all of this)

    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return None
