"""The Retention Workbook, in two commands.

    python workbook.py open     sets everything up and opens the workbook in the browser
    python workbook.py test     sets everything up and runs every check

with your own data, each setting up first what is missing (--help after one says more):

    python workbook.py import FILE   takes in your export (CSV, Excel) and loads it
    python workbook.py check         the state of your customer file, and what to mend
    python workbook.py report        every chapter in one page, with lists of customers
    python workbook.py plan          whom to contact, when and by whom, within a budget
    python workbook.py present       the what-if pages as an app without code, and slides
    python workbook.py workshop      the chapters for readers and for the presenter
    python workbook.py use           which customers everything runs on (use sample: the sample)
    python workbook.py doctor        what is installed, what is loaded, what is missing

and for those who work on it:

    python workbook.py setup      only sets up
    python workbook.py lock       writes the lock files anew from pyproject.toml
    python workbook.py notebooks  runs the notebooks again and tidies what they show

Needs nothing but Python itself. Everything it installs goes into the folder .venv beside this
file; delete that folder to start over.
"""

from __future__ import print_function

import os
import sys

OLDEST_PYTHON = (3, 11)


def newer_python_on_path():
    """Name a Python on the search path that is new enough, if there is one."""
    for minor in range(19, OLDEST_PYTHON[1] - 1, -1):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            name = "python3.{}".format(minor)
            if "shims" in folder:  # a version manager's: it may stand for nothing
                continue
            if os.access(os.path.join(folder, name), os.X_OK):
                return name
    return None


def refuse_old_python():
    """Say it in a sentence where the Python is too old. Keep this readable to Python 2.7."""
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return
    found = newer_python_on_path()
    sys.exit(
        "This workbook needs Python {}.{} or newer; this is Python {}.{} ({}).\n{}".format(
            OLDEST_PYTHON[0],
            OLDEST_PYTHON[1],
            sys.version_info[0],
            sys.version_info[1],
            sys.executable,
            "This machine has a newer one. Try: {} {}".format(found, " ".join(sys.argv))
            if found
            else "Install a newer one (your software centre or python.org has it), then try again.",
        )
    )


# First of all: what follows need not work on an old Python, only this sentence must.
refuse_old_python()

import argparse
import ast
import contextlib
import hashlib
import importlib.util
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "workbook-stamp.json"
FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"
LANGUAGES = ("en", "fr")
# What is passed on to the workbook's own command line, once it is set up.
PASSED_ON = ("import", "check", "report", "plan", "present", "workshop", "use", "doctor")
SAMPLE = ROOT / "data" / "sample" / "b2b"

# Readers need half of what developers need, and few of those need Spark (half a gigabyte, built
# from source). Each level holds the one before: lock file, packages left out, gigabytes of disk.
LEVELS = {
    "read": ("requirements-core.lock", (), 1.2),
    "develop": ("requirements.lock", ("pyspark", "py4j"), 2.0),
    "spark": ("requirements.lock", (), 3.0),
}

# What `test` runs, in this order: what CI reads last is pytest's own count.
STEPS = [
    ("Style", ["ruff", "check", "--quiet"]),
    ("Format", ["ruff", "format", "--check", "--quiet"]),
    ("Types", ["mypy"]),
    (
        "Notebooks",
        ["pytest", "-n", "2", "--dist", "loadfile", "--nbval", "--nbval-current-env"]
        # The French chapters have the same code: tests/notebooks/test_french_edition.py has them.
        + ["--nbval-sanitize-with", "tests/notebooks/sanitize.cfg"]
        + ["--ignore", "notebooks/fr", "notebooks"],
    ),
    # In the order of the folders: otherwise the few long runs of chapters come last, on one core.
    ("Tests", ["pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]),
]
# Has work for one core only: goes on beside the step that follows, and speaks after it.
BESIDE = "Types"

# How tools say that something is wrong with the machine, and how to say it to a person.
# The first that fits wins: a full disk or a bad certificate also shows as a failed download.
CAUSES = [
    (
        r"no space left|errno 28|winerror 112|not enough space|disk quota",
        "The disk is full. The workbook needs about {gigabytes:.0f} GB free in {root}.",
    ),
    (
        r"ensurepip is not available|no module named '?(venv|ensurepip)",
        "This Python cannot make environments: its module venv is not complete.\n"
        "On Debian or Ubuntu: sudo apt install python{major}.{minor}-venv",
    ),
    (
        r"hash mismatch|do not match the hashes",
        "A downloaded package is not the one the workbook was tested with, so it was refused.\n"
        "If the lock file was edited, restore it; otherwise tell whoever runs your package index.",
    ),
    (
        r"certificate.verify|invalid peer certificate|unknownissuer|ssl: cert",
        "The package index could not be trusted: its certificate is not known to this machine.\n"
        "On a company network, ask for its certificate file and set SSL_CERT_FILE to its path.",
    ),
    (
        r"name resolution|name or service not known|nodename nor servname|getaddrinfo|dns error|"
        r"connection refused|connection reset|network is unreachable|no route to host|timed out|"
        r"newconnectionerror|failed to establish|error sending request|failed to connect|"
        r"proxy authentication|tunnel connection|client error \(connect\)|winerror 100\d\d",
        "The network is missing: the package index could not be reached.\n"
        "Check the connection (on a company network also HTTPS_PROXY), then run this again; it\n"
        "goes on where it stopped. Once set up, the workbook needs no network.",
    ),
    (
        r"permission denied|access is denied|winerror 5\b|winerror 32|read-only file system",
        "A file could not be written in {root}.\n"
        "Close every program that uses the workbook, and check that the folder is yours to write.",
    ),
]


class Trouble(Exception):
    """Something that a person can mend, said in a sentence."""


# ---------------------------------------------------------------- saying what is being done


class Progress:
    """Numbered steps, each with its seconds; on a terminal the current one keeps counting."""

    def __init__(self, total):
        self.total, self.number = total, 0
        self.live = sys.stdout.isatty()

    @contextlib.contextmanager
    def step(self, title):
        """Announce a step, and say how long it took."""
        self.number += 1
        self.title = "[{}/{}] {}".format(self.number, self.total, title)
        self.step_began = self.last_said = time.monotonic()
        print(self.title + " ...", end="" if self.live else "\n", flush=True)
        yield
        self._overwrite("{}  {:.0f} s".format(self.title, self._elapsed()))

    def tick(self, detail):
        """Show that the step is alive, and at what."""
        if self.live:
            self._overwrite("{}  {:.0f} s  {}".format(self.title, self._elapsed(), detail), end="")
        elif time.monotonic() - self.last_said > 15:
            self.last_said = time.monotonic()
            print("      {:.0f} s  {}".format(self._elapsed(), detail), flush=True)

    def _elapsed(self):
        return time.monotonic() - self.step_began

    def _overwrite(self, text, end="\n"):
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            text = "\r" + text[:width].ljust(width)
        else:
            text = "      done in {:.0f} s".format(self._elapsed())
        print(text, end=end, flush=True)


def call(command, env, progress=None, may_fail=False):
    """Run a command out of sight; give back whether it worked and what it said."""
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=str(ROOT),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        return (False, str(error)) if may_fail else fail(str(error))
    said = []
    reader = threading.Thread(target=_collect, args=(process.stdout, said))
    reader.daemon = True
    reader.start()
    try:
        while reader.is_alive():
            reader.join(0.5)
            if progress:
                progress.tick(said[-1].strip() if said else "")
    except KeyboardInterrupt:
        process.terminate()
        raise
    worked = process.wait() == 0
    if not worked and not may_fail:
        fail("".join(said))
    return worked, "".join(said)


def _collect(stream, said):
    for line in iter(stream.readline, b""):
        said.append(line.decode("utf-8", "replace"))


def explain(said):
    """Put what a tool said about the machine in a sentence, or give back nothing."""
    for pattern, sentence in CAUSES:
        if re.search(pattern, said, re.IGNORECASE):
            return sentence.format(
                root=ROOT,
                gigabytes=LEVELS["develop"][2],
                major=sys.version_info[0],
                minor=sys.version_info[1],
            )
    return None


def fail(said):
    """End with the cause where it is known, else with the last things that were said."""
    last = "\n".join("    " + line[:200] for line in said.strip().splitlines()[-12:])
    raise Trouble(explain(said) or "The set-up stopped. What was said last:\n" + last)


# ---------------------------------------------------------------- the environment


def lock_file(level):
    """Give the lock file of a level."""
    return ROOT / LEVELS[level][0]


def fingerprint(level):
    """Give one number for everything that decides what the environment holds."""
    digest = hashlib.sha256()
    overrides = ROOT / "packaging" / "jupyterlab" / "overrides.json"
    for path in (lock_file(level), ROOT / "pyproject.toml", overrides):
        try:
            digest.update(path.read_bytes() + b"\0")
        except FileNotFoundError:
            fail("{} is missing. Fetch the workbook again, whole.".format(path.name))
    return digest.hexdigest()


def read_stamp():
    """Read what the last finished set-up left, or nothing."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    # A copied or moved folder still points to where it was made.
    return stamp if stamp.get("made_in") == str(VENV) else {}


def venv_version():
    """Give the version of the environment's Python, or nothing where it does not run."""
    question = "import sys; print('{}.{}'.format(*sys.version_info))"
    try:
        answer = subprocess.run([str(PYTHON), "-I", "-c", question], capture_output=True, text=True)
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def ensure_environment(level):
    """Set up what is missing; where nothing is, return at once."""
    stamp = read_stamp()
    usable = bool(stamp) and venv_version() == stamp.get("python")
    if usable:
        # Never take away what was installed before.
        level = max(level, stamp.get("level", level), key=list(LEVELS).index)
    wanted = fingerprint(level)
    if usable and stamp.get("level") == level and stamp.get("digest") == wanted:
        return
    check_machine(level, fresh=not usable)
    set_up(level, wanted, fresh=not usable)


def check_machine(level, fresh):
    """Say before a long download what would stop it at its end."""
    missing = [m for m in ("venv", "ensurepip") if importlib.util.find_spec(m) is None]
    if missing:
        fail("No module named {}".format(missing[0]))
    if fresh and shutil.disk_usage(str(ROOT)).free < LEVELS[level][2] * 1e9:
        fail("no space left")


def set_up(level, wanted, fresh):
    """Make or mend the environment. The stamp comes last: without it the next run starts over."""
    began = time.monotonic()
    print(
        "Setting up the workbook in {} ({}).".format(
            VENV, "once, a few minutes with a slow network" if fresh else "its packages changed"
        )
    )
    progress = Progress(total=4 if fresh else 3)
    with contextlib.suppress(FileNotFoundError):
        STAMP.unlink()
    if fresh:
        with progress.step("Making an environment for Python {}.{}".format(*sys.version_info)):
            make_venv(progress)
    with progress.step("Fetching the installer"):
        uv = install_uv(level, progress)
    wanted_pins = wanted_packages(level)
    with progress.step("Fetching and installing {} packages".format(len(wanted_pins))):
        wanted_file = VENV / "workbook-packages.txt"
        wanted_file.write_text("".join(wanted_pins.values()), encoding="utf-8")
        install(uv, ["--require-hashes", "-r", wanted_file], progress)
    with progress.step("Adding the workbook's own library"):
        # The build tools are in the lock, so this step needs no network.
        install(uv, ["--no-deps", "--no-build-isolation", "-e", "."], progress)
    stamp = {"level": level, "digest": wanted, "python": venv_version(), "made_in": str(VENV)}
    STAMP.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    print("Ready in {:.0f} s.\n".format(time.monotonic() - began), flush=True)


def make_venv(progress):
    """Make .venv from nothing, whatever an interrupted set-up left there."""
    try:
        if VENV.is_symlink() or VENV.is_file():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(str(VENV))
    except OSError as error:
        fail(str(error))
    # Started from inside the .venv that was just removed, this Python is no longer there.
    python = getattr(sys, "_base_executable", None) or sys.executable
    call([python, "-m", "venv", VENV], clean_environ(), progress)


def install_uv(level, progress):
    """Install uv with pip, as the lock file pins it; give its command, or pip's without it."""
    pip = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pip += ["--retries", "2", "--progress-bar", "off"]
    uv_lock = VENV / "uv.lock.txt"
    uv_lock.write_text(pins(lock_file(level))["uv"], encoding="utf-8")
    worked, said = call(
        pip + ["--require-hashes", "-r", uv_lock], clean_environ(), progress, may_fail=True
    )
    if worked:
        return [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON]
    if explain(said):
        fail(said)
    # No uv for this kind of machine. pip takes the same lock, in more time.
    return pip


def install(installer, what, progress):
    """Install with uv or pip, whichever there is."""
    env = clean_environ()
    if "uv" in installer:
        env.update(uv_settings(env))
    call(list(installer) + what, env, progress)


def pins(lock):
    """Read a lock file as blocks of text by package name, hashes and all."""
    found = {}
    name = None
    for line in lock.read_text(encoding="utf-8").splitlines(True):
        if line.startswith("#") or not line.strip():
            continue
        start = re.match(r"[A-Za-z0-9._-]+", line)
        if start:
            name = start.group()
        if name:
            found[name] = found.get(name, "") + line
    return found


def wanted_packages(level):
    """Give the packages of a level, as its lock file pins them, but for uv, which comes first."""
    left_out = LEVELS[level][1] + ("uv",)
    return {name: pin for name, pin in pins(lock_file(level)).items() if name not in left_out}


def clean_environ():
    """Give the environment variables without those that would mix in another Python."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = str(PYTHON.parent) + os.pathsep + env.get("PATH", "")
    env["PIP_USER"] = "0"
    return env


def pip_settings(env):
    """Read pip's own settings of this machine: the index of a company, its certificate."""
    worked, said = call([PYTHON, "-m", "pip", "config", "list"], env, may_fail=True)
    settings = {}
    if not worked:
        return settings
    # Where a setting stands twice, pip lets its variable win over [install] over [global].
    for section in ("global.", "install.", ":env:."):
        for line in said.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(section):
                with contextlib.suppress(ValueError, SyntaxError):
                    settings[key[len(section) :]] = str(ast.literal_eval(value))
    return settings


def uv_settings(env, extra_indexes=True):
    """Hand pip's settings to uv, which does not read them: as variables, written nowhere."""
    pip = pip_settings(env)
    given = {
        "UV_DEFAULT_INDEX": pip.get("index-url"),
        "SSL_CERT_FILE": pip.get("cert"),
        "UV_INSECURE_HOST": pip.get("trusted-host"),
        "ALL_PROXY": pip.get("proxy"),
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    if extra_indexes:
        # By default uv takes a package from the first index that has any version of it. pip asks
        # all of them; so must we, and the hashes decide which file is the right one.
        given["UV_INDEX"] = pip.get("extra-index-url")
        given["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        given["UV_FIND_LINKS"] = pip.get("find-links")
    spaced = {key: " ".join(value.split()) for key, value in given.items() if value}
    if "UV_FIND_LINKS" in spaced:
        spaced["UV_FIND_LINKS"] = spaced["UV_FIND_LINKS"].replace(" ", ",")
    return {key: value for key, value in spaced.items() if key not in env}


# ---------------------------------------------------------------- the commands


def session_environ(data=None):
    """Give the variables for whatever runs in the environment."""
    env = clean_environ()
    # The kernel named python3 must be this environment's, whatever else is installed.
    share = str(VENV / "share" / "jupyter")
    env["JUPYTER_PATH"] = os.pathsep.join(filter(None, [share, env.get("JUPYTER_PATH")]))
    env["JUPYTER_PREFER_ENV_PATH"] = "1"
    env.pop("RETENTION_WORKBOOK", None)
    if data is not None:
        env["RETENTION_WORKBOOK"] = str(data)
    return env


def tests_environ(data=None):
    """Give the variables for the checks, which start Python some thirty times.

    Containers often forbid Python to keep what it compiled, and then each start takes three
    seconds longer. It is kept in .venv instead, out of sight. And two checks run side by side:
    where each learns with all cores, they wait for one another, a third longer in all.
    """
    env = session_environ(data)
    env.setdefault("OMP_NUM_THREADS", "1")
    if env.pop("PYTHONDONTWRITEBYTECODE", ""):
        env.setdefault("PYTHONPYCACHEPREFIX", str(VENV / "pycache"))
    return env


def existing_data(path):
    """Turn what was typed after --data into a full path."""
    full = Path(path).expanduser().resolve()
    if not full.exists():
        raise Trouble("There is nothing at {}. Give --data a workbook folder.".format(full))
    return full


def check_port(port):
    """Refuse a port that something else listens on."""
    with socket.socket() as probe:
        if os.name != "nt":  # there it would allow what must be refused
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            taken = True
        else:
            taken = False
    if taken:
        raise Trouble(
            "Port {0} is taken by another program. Leave out --port and a free one is found, or "
            "try --port {1}.".format(port, port + 1)
        )


def loaded_workbook(data=None):
    """Find the workbook that chapters will run on: as given, else as loaded last, else none."""
    if data:
        return Path(data)
    import tomllib

    try:
        text = (ROOT / "data" / "loaded.toml").read_text(encoding="utf-8-sig")
        return ROOT / str(tomllib.loads(text)["workbook"])
    except (OSError, ValueError, KeyError):  # none was loaded; if it is damaged, a chapter says so
        return None


def language_of(workbook):
    """Read the language of a workbook; English where it says none or cannot be read."""
    if workbook is None:
        return "en"
    import tomllib

    file = workbook if workbook.name == "workbook.toml" else workbook / "workbook.toml"
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8-sig")).get("language")
    except (OSError, ValueError):
        return "en"
    return told if told in LANGUAGES else "en"


def first_page(language):
    """Give the page to open: the first chapter, in that language where there is an edition."""
    if language != "en":
        for path in sorted((ROOT / "notebooks" / language).glob("00_*.ipynb")):
            return "/lab/tree/notebooks/{}/{}".format(language, path.name)
    return "/lab/tree/" + FIRST_NOTEBOOK if (ROOT / FIRST_NOTEBOOK).exists() else "/lab"


def open_workbook(options):
    """Start JupyterLab, for this machine only, on the first notebook."""
    data = existing_data(options.data) if options.data else os.environ.get("RETENTION_WORKBOOK")
    if options.port:
        check_port(options.port)
    told = options.language or os.environ.get("RETENTION_LANGUAGE")
    page = first_page(told or language_of(loaded_workbook(data)))
    ensure_environment("read")
    command = [str(PYTHON), "-m", "jupyterlab"]
    command += [
        "--Application.log_level=WARN",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.allow_remote_access=False",
        "--ServerApp.root_dir=" + str(ROOT),
        "--LabApp.default_url=" + page,
        "--LabApp.extension_manager=readonly",  # the other kind asks the network
        "--KernelManager.transport_encryption=auto",  # else a warning in red in the log
        "--ServerApp.terminals_enabled=False",  # nobody needs a shell to read the chapters
        "--ServerApp.answer_yes=True",  # Ctrl+C ends it without a question
        # A larger upload would otherwise break the connection, and the form would stay silent.
        "--ServerApp.tornado_settings={'websocket_max_message_size': 200000000}",
    ]
    if options.port:
        command += ["--ServerApp.port={}".format(options.port), "--ServerApp.port_retries=0"]
    if options.no_browser:
        command += ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]  # in a container; without it the server refuses to start
    print("Opening the workbook. It runs until you press Ctrl+C here.", flush=True)
    env = session_environ(data)
    if options.language:
        env["RETENTION_LANGUAGE"] = options.language
    if options.mask:
        env["RETENTION_MASK"] = "1"
    return run_until_stopped(command, env)


def pass_on(command, rest):
    """Run one of the workbook's own commands, from the folder it was typed in."""
    ensure_environment("read")
    env = session_environ(os.environ.get("RETENTION_WORKBOOK"))
    # Its help shows what was typed.
    env["RETENTION_PROG"] = "python {}".format(sys.argv[0] or "workbook.py")
    # -P: files that happen to lie in that folder are not mistaken for packages.
    return run_until_stopped(
        [str(PYTHON), "-P", "-m", "retention_lib", command] + rest, env, folder=os.getcwd()
    )


def run_until_stopped(command, env, folder=None):
    """Run in sight, and leave nothing behind when this program is told to stop."""
    process = subprocess.Popen(command, cwd=str(folder or ROOT), env=env)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the server got the same Ctrl+C, and is closing


def run_tests(arguments):
    """Run every check, or with arguments of pytest only the tests, and sum up."""
    ensure_environment("develop")
    steps = [STEPS[-1]] if arguments else STEPS
    outcomes, counts, beside = [], {"passed": 0, "failed": 0, "skipped": 0}, None
    for title, command in steps:
        # Notebooks tell the story of the sample, whatever the reader has loaded.
        env = tests_environ(SAMPLE if title == "Notebooks" else None)
        if title == BESIDE:
            beside = StepBeside(title, command, env)
            continue
        print("\n== {}: {}".format(title, " ".join(command + arguments)), flush=True)
        began = time.monotonic()
        code = run_step(command + arguments, env, counts)
        outcomes.append((title, code == 0, time.monotonic() - began))
        if beside:
            outcomes.insert(-1, beside.outcome())
            beside = None
    print("\n== Summary")
    for title, passed, seconds in outcomes:
        print("{:<10} {:<6} {:6.1f} s".format(title, "pass" if passed else "FAIL", seconds))
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts), flush=True)
    return 0 if all(passed for _, passed, _ in outcomes) else 1


class StepBeside(threading.Thread):
    """A step that goes on out of sight; asked for its outcome, it says what it had to say."""

    def __init__(self, title, command, env):
        super().__init__(daemon=True)
        self.title, self.command, self.env = title, command, env
        # Where it could not even begin, nothing was checked.
        self.worked, self.said, self.seconds = False, "", 0.0
        self.start()

    def run(self):
        """Run it; what it says is kept."""
        began = time.monotonic()
        self.worked, self.said = call([PYTHON, "-m"] + self.command, self.env, may_fail=True)
        self.seconds = time.monotonic() - began

    def outcome(self):
        """Wait for its end, print what it said, and give title, whether it passed, seconds."""
        self.join()
        print("\n== {}: {}".format(self.title, " ".join(self.command)))
        print(self.said, end="", flush=True)
        return self.title, self.worked, self.seconds


def run_step(command, env, counts):
    """Run one step in sight, adding to the counts what pytest says in its last line."""
    if command[0] != "pytest":
        return subprocess.call([str(PYTHON), "-m"] + command, cwd=str(ROOT), env=env)
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    process = subprocess.Popen(
        [str(PYTHON), "-m"] + command + colour,
        cwd=str(ROOT),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    last = ""
    for chunk in iter(lambda: process.stdout.read1(4096), b""):
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
        last = (last + chunk.decode("utf-8", "replace"))[-2000:]
    add_counts(last, counts)
    return process.wait()


def add_counts(said, counts):
    """Read 'N passed, N failed, ...' from the end of what pytest said."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said).strip().splitlines()
    kinds = {"error": "failed", "errors": "failed", "xfailed": "passed", "xpassed": "passed"}
    for number, kind in re.findall(r"(\d+) (\w+)", plain[-1] if plain else ""):
        kind = kinds.get(kind, kind)
        if kind in counts:
            counts[kind] += int(number)


def write_locks(upgrade):
    """Write the lock files and conda's constraints from pyproject.toml."""
    env = clean_environ()
    if not call([PYTHON, "-m", "uv", "--version"], env, may_fail=True)[0]:
        bootstrap_uv()
    env.update(uv_settings(env, extra_indexes=False))
    everything, core = lock_file("spark"), lock_file("read")
    progress = Progress(total=3)
    with progress.step("Locking everything in {}".format(everything.name)):
        chosen = ["--upgrade"] if upgrade else []
        compile_lock(["--all-extras", "--group", "dev"] + chosen, everything, env, progress)
    with progress.step("Locking what readers need in {}".format(core.name)):
        # Held to the versions of the first, and not to its own of yesterday.
        compile_lock(["--group", "setup", "-c", everything.name, "--upgrade"], core, env, progress)
    with progress.step("Writing constraints.txt for conda"):
        write_constraints(everything)
    print("Now: python workbook.py setup")
    return 0


def bootstrap_uv():
    """Get a uv to lock with where the environment has none yet."""
    progress = Progress(total=1)
    with progress.step("Fetching the installer"):
        if venv_version() is None:
            make_venv(progress)
        call([PYTHON, "-m", "pip", "install", "--retries", "2", "uv"], clean_environ(), progress)


def compile_lock(choices, target, env, progress):
    """Resolve for every platform, with hashes, without a word about where packages came from."""
    command = [PYTHON, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", "{}.{}".format(*OLDEST_PYTHON), "--generate-hashes"]
    command += ["--no-emit-index-url", "--no-emit-find-links"]
    command += ["--custom-compile-command", "python workbook.py lock"]
    call(command + choices + ["pyproject.toml", "-o", target.name], env, progress)


def write_constraints(lock):
    """Write the versions of a lock file without its hashes: pip's constraints, for conda."""
    lines = ["# Written by python workbook.py lock. The versions of {}.".format(lock.name)]
    for line in lock.read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            lines.append(line.rstrip("\\ "))
    text = "\n".join(lines) + "\n"
    (ROOT / "constraints.txt").write_bytes(text.encode("utf-8"))


def run_notebooks(options):
    """Run the notebooks again on the sample, or only say which are not tidy."""
    ensure_environment("develop")
    data = existing_data(options.data) if options.data else SAMPLE
    command = [str(PYTHON), "tools/notebooks.py"] + options.names
    command += ["--check"] if options.check else []
    return run_until_stopped(command, session_environ(data))


def read_command_line(arguments):
    """Give the options of one command."""
    parser = argparse.ArgumentParser(
        prog="python workbook.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    opening = commands.add_parser("open", help="set up, and open the workbook in the browser")
    opening.add_argument("--no-browser", action="store_true", help="only serve, and print the link")
    opening.add_argument("--port", type=int, help="the port to serve on (default: a free one)")
    opening.add_argument("--data", metavar="PATH", help="the workbook folder to load")
    opening.add_argument(
        "--language", choices=LANGUAGES, help="in English or French (default: the workbook's own)"
    )
    opening.add_argument(
        "--mask", action="store_true", help="hide names, e-mails and identifiers, exports included"
    )
    for name in PASSED_ON:
        commands.add_parser(name, add_help=False)
    commands.add_parser(
        "test", help="set up, and run every check; what follows goes to pytest", add_help=False
    )
    setting_up = commands.add_parser("setup", help="only set up, to work on the workbook itself")
    setting_up.add_argument("--spark", action="store_true", help="with Spark (needs Java to run)")
    locking = commands.add_parser("lock", help="write the lock files from pyproject.toml")
    locking.add_argument("--upgrade", action="store_true", help="take the newest versions")
    notebooks = commands.add_parser("notebooks", help="run the notebooks again and tidy them")
    notebooks.add_argument("names", nargs="*", help="notebooks (default: all)")
    notebooks.add_argument("--check", action="store_true", help="only say which are not tidy")
    notebooks.add_argument("--data", metavar="PATH", help="run on this workbook, not the sample")
    options, rest = parser.parse_known_args(arguments)
    if options.command is None:
        parser.print_help()
        sys.exit(2)
    if rest and options.command not in ("test",) + PASSED_ON:
        parser.error("{} does not know {}".format(options.command, " ".join(rest)))
    options.rest = rest
    return options


def main(arguments):
    """Do what was asked; end with a sentence where it cannot be done."""
    for stream in (sys.stdout, sys.stderr):
        # What a tool says may hold a letter that this console lacks: that must not be the end.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if arguments and arguments[0] in PASSED_ON:
        return guarded(lambda: pass_on(arguments[0], arguments[1:]))
    options = read_command_line(arguments)
    return guarded(lambda: carry_out(options))


def guarded(work):
    """Do it; end with a sentence where it cannot be done."""
    try:
        return work()
    except Trouble as trouble:
        print("\n{}".format(trouble), file=sys.stderr)
        return 1
    except OSError as error:
        print("\n{}".format(explain(str(error)) or error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130


def carry_out(options):
    """Do what was asked of the workbook itself."""
    if options.command == "open":
        return open_workbook(options)
    if options.command == "test":
        return run_tests(options.rest)
    if options.command == "lock":
        return write_locks(options.upgrade)
    if options.command == "notebooks":
        return run_notebooks(options)
    ensure_environment("spark" if options.spark else "develop")
    print("The workbook is set up.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
