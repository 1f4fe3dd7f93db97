"""Run chapters in kernels of their own, two at a time, and bring back what they put out."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from retention_lib import turns

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager

CELL_SECONDS = 900
"""How long one cell may take; a real base of half a million lines needs under a minute."""

# What the files are made of is worked out by these; they run in the kernel that makes the files.
FOR_THE_FILES = ("05", "06", "08", "03")

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_BEGIN = "from retention_lib.views import _report_kernel; _report_kernel.begin({number!r})"
_KEEP = "from retention_lib.views import _report_kernel; _report_kernel.keep()"


@dataclass(frozen=True)
class Job:
    """Code to run from top to bottom: the cells of a chapter, or the files to write."""

    number: str
    cells: Sequence[str]
    keeps: bool = True


@dataclass(frozen=True)
class Ran:
    """What came of a job: the outputs of each cell, and the error at which it stopped."""

    number: str
    outputs: Sequence[Sequence[Any]] = ()
    error: tuple[str, str] | None = None
    """The name of the error and what it says."""


@dataclass
class Queue:
    """Jobs for two kernels: each takes its own first, then the other's."""

    lanes: tuple[deque[Job], deque[Job]]
    _lock: Lock = field(default_factory=Lock)

    @classmethod
    def of(cls, jobs: Sequence[Job], last: Job | None) -> Queue:
        """The first lane gets what the files need and then the files, the second the others."""
        place = {number: order for order, number in enumerate(FOR_THE_FILES)}
        first = sorted((j for j in jobs if j.number in place), key=lambda j: place[j.number])
        second = [job for job in jobs if job.number not in place]
        # The longest first, so that no kernel is left with it at the end.
        second.sort(
            key=lambda job: (
                ("07", "09", "02", "04", "01", "10").index(job.number)
                if job.number in ("07", "09", "02", "04", "01", "10")
                else 99
            )
        )
        return cls((deque(first + ([last] if last else [])), deque(second)))

    def take(self, lane: int) -> Job | None:
        """The next job for that kernel; none where all are taken."""
        with self._lock:
            own, other = self.lanes[lane], self.lanes[1 - lane]
            if own:
                return own.popleft()
            # The files stay where the results are.
            for job in reversed(other):
                if job.keeps:
                    other.remove(job)
                    return job
            return None


@contextmanager
def kernels(count: int, folder: Path, environment: Mapping[str, str]) -> Iterator[list[Any]]:
    """So many kernels of this Python, which end with the block however it ends."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import KernelManager

    class OwnPython(KernelSpecManager):
        """Whatever kernels the machine knows, the one that runs this."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            metadata = {"supported_encryption": "curve"}  # else a warning on the terminal
            return KernelSpec(
                argv=argv, display_name=kernel_name, language="python", metadata=metadata
            )

    started: list[KernelManager] = []
    with _passing_folder() as scratch:
        # No start-up files, no history of the user's own IPython.
        env = {**os.environ, **environment, "IPYTHONDIR": str(scratch)}
        env["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        env["PYTHONHASHSEED"] = "0"
        env["PYTHONWARNINGS"] = "ignore::DeprecationWarning,ignore::FutureWarning"
        env.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // count, 1)))
        try:
            for number in range(count):
                manager = KernelManager(kernel_name="python3", transport_encryption="auto")
                manager.connection_file = str(scratch / f"kernel-{number}.json")
                manager.kernel_spec_manager = OwnPython()
                manager.start_kernel(env=env, cwd=str(folder))
                started.append(manager)
            yield started
        finally:
            for manager in started:
                with suppress(Exception):
                    manager.shutdown_kernel(now=True)


@contextmanager
def _passing_folder() -> Iterator[Path]:
    folder = turns.own_place("report")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_jobs(queue: Queue, managers: Sequence[Any], begun: Callable[[], None]) -> dict[str, Ran]:
    """Run all jobs; ``begun`` is called, in this thread, each time one has ended."""
    done: dict[str, Ran] = {}
    with ThreadPoolExecutor(max_workers=len(managers)) as pool:
        running: dict[Future[Ran], int] = {}

        def next_of(lane: int) -> None:
            job = queue.take(lane)
            if job is not None:
                running[pool.submit(_run, job, managers[lane])] = lane

        try:
            for lane in range(len(managers)):
                next_of(lane)
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    lane = running.pop(future)
                    ran = future.result()
                    done[ran.number] = ran
                    begun()
                    next_of(lane)
        except BaseException:
            # Stopped by hand: the threads wait for their kernels, so those go first.
            for manager in managers:
                with suppress(Exception):
                    manager.shutdown_kernel(now=True)
            raise
    return done


def _run(job: Job, manager: Any) -> Ran:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    code = [_BEGIN.format(number=job.number), *job.cells, *([_KEEP] if job.keeps else [])]
    make: Any = nbformat.v4
    notebook = make.new_notebook(cells=[make.new_code_cell(text) for text in code])
    client = NotebookClient(notebook, km=manager, timeout=CELL_SECONDS, record_timing=False)
    error: tuple[str, str] | None = None
    try:
        client.execute()
    except CellExecutionError as failed:
        error = (str(failed.ename), _ANSI.sub("", str(failed.evalue)))
    except CellTimeoutError:
        error = ("Timeout", "")
        # What runs on would stand in the way of the next chapter.
        with suppress(Exception):
            manager.restart_kernel(now=True)
    except DeadKernelError:
        error = ("DeadKernel", "")
        with suppress(Exception):
            manager.restart_kernel(now=True)
    finally:
        with suppress(Exception):
            client.kc.stop_channels()  # type: ignore[union-attr]
    cells = notebook.cells[1 : 1 + len(job.cells)]
    return Ran(job.number, [list(cell.outputs) for cell in cells], error)
