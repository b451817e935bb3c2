"""A small API behind the door: says what reached it, and counts what was posted.

It has no sign-in, no CSRF code and no CORS code of its own: all of that is the door's. Where it is given the secret that it shares
with the door, it answers nobody else.
"""

import hmac
import os
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
arrivals: list[dict] = []

SECRET_FILE = os.environ.get("DOORWARD_EDGE_SECRET_FILE")
SECRET = Path(SECRET_FILE).read_text().strip().encode() if SECRET_FILE else None


@app.middleware("http")
async def only_from_the_door(request: Request, call_next):
    """Refuses whoever does not know the secret, before anything looks at who they say they are."""
    shown = request.headers.get("x-doorward-edge", "").encode()
    if SECRET and not hmac.compare_digest(shown, SECRET):
        return JSONResponse({"detail": "Not by the door"}, status_code=401)
    return await call_next(request)


@app.get("/api/whoami")
def whoami(request: Request) -> dict:
    """Identity fields exactly as they came."""
    return {name: value for name, value in request.headers.items() if name.startswith("x-")}


@app.post("/api/notes")
async def add_note(request: Request) -> dict:
    """Records that a state-changing request arrived, and from whom."""
    body = await request.json()
    arrivals.append({"user": request.headers.get("x-doorward-email"), "text": body.get("text")})
    return {"arrived": len(arrivals)}


@app.get("/seen")
def seen() -> list[dict]:
    """What arrived; outside /api/, so that it can only be asked for directly, behind the door."""
    return arrivals
