"""A small API behind the door: says what reached it, and counts what was posted.

It has no sign-in, no CSRF code and no CORS code of its own: all of that is the door's.
"""

from fastapi import FastAPI, Request

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
arrivals: list[dict] = []


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
