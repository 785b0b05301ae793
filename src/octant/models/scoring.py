"""MLflow's scoring server with a model that was checked: python -m octant.models.scoring FOLDER PORT.

`mlflow models serve` starts the same server, but that answers pages of other sites whose name was made to mean this
machine (DNS rebinding), and answers some bad requests with 500.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from octant.servers.server import HOST, NAMES
from octant.tracking.store import use_mlflow

if TYPE_CHECKING:
    from fastapi import FastAPI

# What MLflow's parsing of a request raises: nesting without end, numbers of 5,000 digits, no content type. The model's
# own exceptions it turns into 400 itself.
_UNREADABLE = (RecursionError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


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


def main() -> None:
    """Answer until a signal ends it."""
    import uvicorn

    folder, port = sys.argv[1:]
    uvicorn.run(_application(folder), host=HOST, port=int(port))


if __name__ == "__main__":
    main()
