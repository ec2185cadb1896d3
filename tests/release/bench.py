"""What the tests of what is shipped share: the binary, an infra repository behind HTTP, a registry, free ports."""

import contextlib
import functools
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TOOLS = TARGET / "tools"
RELEASE = ROOT / "release"
# Everything that is made in the tests is of this time.
TIME = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}


def tool(name):
    return shutil.which(name) or shutil.which(name, path=f"{TOOLS}:/usr/sbin:/sbin")


def run(*arguments, **options):
    options.setdefault("env", TIME)
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=180, **options)


def done(*arguments, **options):
    """Runs what must succeed, and gives its output."""
    ran = run(*arguments, **options)
    if ran.returncode:
        raise AssertionError(f"{arguments}: {ran.stdout}{ran.stderr}")
    return ran.stdout


@functools.cache
def binary():
    """The program: GANTRY_BINARY, or what the tests have built; none where there is neither."""
    given = os.environ.get("GANTRY_BINARY")
    for path in [given] if given else [TARGET / "debug" / "gantry", TARGET / "release" / "gantry"]:
        if pathlib.Path(path).exists():
            return pathlib.Path(path)
    return None


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until(says, condition, seconds=60):
    """Asks a condition again and again until it holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {says}")


def get(url, **headers):
    """Status and text of an answer; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, urllib.error.URLError):
        return 0, ""


@contextlib.contextmanager
def process(*arguments, **options):
    """A process that ends with the test."""
    with tempfile.TemporaryFile() as log:
        options.setdefault("stdout", log)
        started = subprocess.Popen(
            [str(a) for a in arguments], stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options
        )
        started.said = lambda: (log.seek(0), log.read().decode(errors="replace"))[1]
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


class Backend(http.server.BaseHTTPRequestHandler):
    """`git http-backend` behind Python's HTTP server."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        path, _, query = self.path.partition("?")
        body = self.body()
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "gantry",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            # The folder may be another user's.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        ran = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, timeout=60)
        head, _, rest = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)

    do_GET = do_POST = answer


@contextlib.contextmanager
def infra(folder):
    """The reference infra repository behind HTTP; gives its URL."""
    work, bare = folder / "work", folder / "served" / "infra.git"
    shutil.copytree(ROOT / "environments", work)
    author = ["-c", "user.name=Jane", "-c", "user.email=jane@example.com", "-c", "core.autocrlf=false"]
    done("git", "init", "--quiet", "--initial-branch=main", work)
    done("git", "-C", work, *author, "add", "--all")
    done("git", "-C", work, *author, "commit", "--quiet", "--message", "Begin")
    done("git", "clone", "--quiet", "--bare", work, bare)
    done("git", "-C", bare, "config", "http.receivepack", "true")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    server.daemon_threads = True
    server.folder = bare.parent
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/infra.git"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def registry(folder):
    """Debian's registry; gives its host."""
    host = f"127.0.0.1:{port()}"
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}\n"
        f"http: {{addr: '{host}'}}\n"
    )
    with process(tool("docker-registry"), "serve", config) as started:
        until("the registry answers", lambda: get(f"http://{host}/v2/")[0] == 200)
        yield host


def ready(address, started):
    """Waits until /readyz says so; a process that ends first is a failure."""

    def asked():
        if started.poll() is not None:
            raise AssertionError(f"Gantry ended with {started.returncode}: {started.said()}")
        return get(f"{address}/readyz")[0] == 200

    try:
        until("Gantry is ready", asked)
    except AssertionError as error:
        raise AssertionError(f"{error}: {get(f'{address}/readyz')}: {started.said()}") from None


def config_of(layout):
    """Manifest and config of the only image of an OCI layout."""
    blob = lambda digest: json.loads((layout / "blobs" / "sha256" / digest.split(":")[1]).read_text())
    index = json.loads((layout / "index.json").read_text())
    manifest = blob(index["manifests"][0]["digest"])
    return manifest, blob(manifest["config"]["digest"])
