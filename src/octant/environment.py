"""What octant follows of the user's environment; it is deaf to the rest. docs/environment.md has the list.

`settle` comes first in every command, before NumPy, Numba, matplotlib and MLflow are imported: they read their
variables then, and workers and servers inherit what is left. It imports nothing that is slow.
"""

from __future__ import annotations

import os
import re
import sys
import warnings

# Where the store lies and how to get in.
CLIENT = frozenset(
    f"MLFLOW_{name}"
    for name in (
        "TRACKING_URI", "TRACKING_USERNAME", "TRACKING_PASSWORD", "TRACKING_TOKEN", "TRACKING_AUTH",
        "TRACKING_AWS_SIGV4", "TRACKING_INSECURE_TLS", "TRACKING_SERVER_CERT_PATH", "TRACKING_CLIENT_CERT_PATH",
        "S3_ENDPOINT_URL", "S3_IGNORE_TLS", "S3_UPLOAD_EXTRA_ARGS", "S3_EXPECTED_BUCKET_OWNER",
        "BOTO_CLIENT_ADDRESSING_STYLE",
    )
)  # fmt: skip
# What `octant server` and `octant move` are told; no run heeds them.
SERVER = frozenset(
    f"MLFLOW_{name}"
    for name in (
        "BACKEND_STORE_URI", "ARTIFACTS_DESTINATION", "AUTH_ADMIN_USERNAME", "AUTH_ADMIN_PASSWORD",
        "FLASK_SERVER_SECRET_KEY", "HOST", "PORT", "WORKERS", "SERVER_ALLOWED_HOSTS", "SERVER_CORS_ALLOWED_ORIGINS",
    )
)  # fmt: skip
FOLLOWED = CLIENT | SERVER | {"HYDRA_FULL_ERROR", "NUMBA_CACHE_DIR"}
_FAMILIES = re.compile(
    r"_?MLFLOW_|HYDRA_|NUMBA_|NPY_|OTEL_|OMP_(?!NUM_THREADS$)|GOMP_|KMP_"
    r"|(MPLBACKEND|MATPLOTLIBRC|OPENBLAS_CORETYPE|OPENBLAS_VERBOSE|SOURCE_DATE_EPOCH|SSLKEYLOGFILE)$"
)
_READ_AT_START = ("PYTHONINSPECT", "PYTHONDEVMODE", "PYTHONWARNDEFAULTENCODING")  # by Python, before octant is there
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LONGEST = 70  # characters of a folder in which workers can have sockets; the system allows 107 with their names


def settle() -> None:
    """Leave in the environment what octant follows. A Python without UTF-8 is started again, with it, and one that was
    told to debug what it runs, without that.
    """
    again = [os.environ.pop(name, "") for name in _READ_AT_START if not sys.flags.ignore_environment]
    for name in [name for name in os.environ if _FAMILIES.match(name) and name not in FOLLOWED]:
        del os.environ[name]
    if not os.environ.get("OMP_NUM_THREADS", "1").isdecimal():
        del os.environ["OMP_NUM_THREADS"]  # OpenMP would complain on stderr, in each process
    if os.path.expanduser("~") == "~":  # noqa: PTH111 - Path's raises, as does importing MLflow then
        os.environ["HOME"] = "/"  # a container's user without a name, as docker does it
    if len(os.environ.get("TMPDIR", "")) > _LONGEST:
        del os.environ["TMPDIR"]
    os.environ["PYTHONSAFEPATH"] = "1"  # a random.py where the command was typed is not the workers' `random`
    os.environ["NETRC"] = os.devnull  # requests would send a password from there in place of the token it is given
    _reach_loopback()
    _forget_warnings()
    if any(again) or (sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1"):
        os.environ["PYTHONUTF8"] = "1"  # a name in Korean is then one text in arguments, files and the store
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very program
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter shows ?


def _reach_loopback() -> None:
    """No proxy stands between this machine and itself."""
    for name in ("no_proxy", "NO_PROXY"):
        given = os.environ.get(name) or os.environ.get(name.swapcase()) or ""
        hosts = [host.strip() for host in given.split(",") if host.strip()]
        if "*" not in hosts:
            os.environ[name] = ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])


def _forget_warnings() -> None:
    """PYTHONWARNINGS=error, for another program, would make errors of what MLflow's dependencies deprecate."""
    given = os.environ.pop("PYTHONWARNINGS", None)
    if not given or sys.flags.ignore_environment:
        return
    del sys.warnoptions[: len(given.split(","))]  # those of -W stand behind them
    warnings.resetwarnings()
    for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", kind)  # as Python does by itself
    for option in sys.warnoptions:
        warnings._setoption(option)  # type: ignore[attr-defined]
