"""`octant serve`: the champion answers HTTP, on this machine only, by python -m octant.models.serve FOLDER PORT.

`mlflow models serve` starts the same server, but that answers pages of other sites whose name was made to mean this
machine (DNS rebinding), and answers some bad requests with 500.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from octant.models.verified import CHAMPION, fetch
from octant.servers.server import HOST, NAMES, environment, port_of, serve
from octant.tracking.store import located, use_mlflow
from octant.trainer.subcommand import Subcommand

if TYPE_CHECKING:
    from fastapi import FastAPI

# What MLflow's parsing of a request raises: nesting without end, numbers of 5,000 digits, no content type. The model's
# own exceptions it turns into 400 itself.
_UNREADABLE = (RecursionError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


def _run(options: argparse.Namespace) -> int:
    """MLflow's scoring server with the champion, until Ctrl-C.

    It is given a copy of what was checked, in a folder of this user's alone, and never asks the store again.
    """
    port, store = port_of(), located(options.uri)
    verified = fetch(store, CHAMPION)
    with TemporaryDirectory(prefix="octant-") as folder:
        verified.write(Path(folder))
        command = [sys.executable, "-m", "octant.models.serve", folder, str(port)]
        answers = f"{CHAMPION} answers on http://{HOST}:{port}/invocations\nstop it with Ctrl-C"
        serve(command, port, environment(), answers)
    return 0


COMMAND = Subcommand(_run)


def _application(folder: str) -> FastAPI:
    """MLflow's application, for requests to this machine by its own names; what it cannot read is answered with 400."""
    use_mlflow()
    from fastapi.responses import JSONResponse
    from mlflow.pyfunc import load_model, scoring_server
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    def refuse(_: object, error: Exception) -> JSONResponse:
        problem = f"the request cannot be read: {type(error).__name__}: {error}"
        return JSONResponse({"error_code": "BAD_REQUEST", "message": problem[:300]}, status_code=400)

    app: FastAPI = scoring_server.init(load_model(folder))
    for each in _UNREADABLE:
        app.add_exception_handler(each, refuse)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(NAMES))
    return app


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(_application(sys.argv[1]), host=HOST, port=int(sys.argv[2]))
