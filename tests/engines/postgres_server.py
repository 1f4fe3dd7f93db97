"""A real PostgreSQL server for one test file: started on a free port, gone at its end.

It is the machine's own, so nothing is downloaded; where there is none the tests are skipped, and
say so. It sorts texts as French does, unlike Python and DuckDB, for so do most servers.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Server:
    """Where a server listens, and who may ask it."""

    port: int
    user: str
    password: str

    def url(self, database: str = "postgres") -> str:
        """The address as a person would write it, password and all."""
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, user: str = "", password: str = "") -> Any:
        """A new connection of Ibis to it."""
        import ibis

        return ibis.postgres.connect(
            host="127.0.0.1",
            port=self.port,
            user=user or self.user,
            password=password or self.password,
            database="postgres",
        )


def programs() -> Path:
    """The folder of PostgreSQL's programs, newest first; skips the test where there is none."""
    pytest.importorskip("psycopg", reason="the extra 'warehouse' is not installed (psycopg)")
    pytest.importorskip("ibis", reason="the extra 'warehouse' is not installed (ibis)")
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    # Debian keeps them out of the way of PATH.
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if not kept:
        pytest.skip("PostgreSQL's initdb is not on this machine (Debian: package postgresql)")
    return kept[-1].parent


def _version(initdb: Path) -> float:
    number = initdb.parents[1].name
    return float(number) if number.replace(".", "", 1).isdigit() else 0.0


def _unprivileged() -> dict[str, Any]:
    """How to start a program so that it is not root: PostgreSQL refuses to be."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    import pwd

    try:
        person = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("this runs as root, and there is no user 'postgres' to run the server as")
    return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running() -> Iterator[Server]:
    """A server for as long as the block lasts, also where the block fails."""
    where = programs()
    as_nobody = _unprivileged()
    # A folder of its own, for the tests' folders are closed to the user the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="rl-pg-"))
    try:
        password = secrets.token_hex(12)
        (folder / "password").write_text(password)
        if as_nobody:
            for path in (folder, folder / "password"):
                shutil.chown(path, as_nobody["user"], as_nobody["group"])
        _made(where, folder, as_nobody)
        yield from _served(where, folder, as_nobody, password)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(where: Path, folder: Path, as_nobody: dict[str, Any]) -> None:
    command = [
        *(str(where / "initdb"), "-D", str(folder / "data"), "-U", "rl", "-E", "UTF8"),
        *("--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "--no-instructions"),
        f"--pwfile={folder / 'password'}",
    ]
    sorting = ["--locale=C", "--locale-provider=icu", "--icu-locale=fr"]
    done = None
    # Not every PostgreSQL can sort like a person; then like a machine.
    for more in (sorting, ["--locale=C"]):
        shutil.rmtree(folder / "data", ignore_errors=True)
        done = subprocess.run(
            [*command, *more], capture_output=True, text=True, cwd=folder, **as_nobody
        )
        if done.returncode == 0:
            return
    assert done is not None
    raise AssertionError(f"initdb failed: {done.stderr[-500:]}")


def _served(
    where: Path, folder: Path, as_nobody: dict[str, Any], password: str
) -> Iterator[Server]:
    server = Server(_free_port(), "rl", password)
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder) if os.name == "posix" else "",
        "fsync": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "shared_buffers": "32MB",
        "max_parallel_workers_per_gather": "0",
    }
    command = [str(where / "postgres"), "-D", str(folder / "data"), "-p", str(server.port)]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **as_nobody)
    try:
        _wait_for(server, process, folder / "log")
        yield server
    finally:
        # The word for: close all connections and stop now.
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _wait_for(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import psycopg

    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            psycopg.connect(server.url(), connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start: {log.read_text(errors='replace')[-500:]}")
