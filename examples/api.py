"""A REST API for deals, in one file on one SQLite database.

Run it with `python examples/api.py` and open http://127.0.0.1:8000/docs. It needs fastapi and uvicorn.

The process has every rule, and no endpoint has one of its own. A refused move is a 409 whose body is the decision:
what is missing, what was found, and what else may be done. A move, its row in the history and the messages that its
hooks write are one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Annotated, Any, cast

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from salesprocess import (
    Engine,
    Hooks,
    MovedEvent,
    SalesProcess,
    Stage,
    StageChange,
    Transition,
    TransitionRefused,
    fact,
)
from salesprocess.history import History

# The parts of a change that are kept as JSON text.
AS_JSON = ("waived", "starts", "resets", "metadata")
SCHEMA = """
CREATE TABLE IF NOT EXISTS deals (
    id INTEGER PRIMARY KEY, stage TEXT, seq INTEGER NOT NULL DEFAULT 0, facts TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS changes (
    deal_id INTEGER NOT NULL REFERENCES deals, seq INTEGER NOT NULL, process TEXT NOT NULL, version NOT NULL,
    fingerprint TEXT NOT NULL, trigger TEXT NOT NULL, source TEXT, dest TEXT NOT NULL, at TEXT NOT NULL, by TEXT,
    reason TEXT, source_kind TEXT NOT NULL, waived TEXT NOT NULL, starts TEXT NOT NULL, resets TEXT NOT NULL,
    metadata TEXT NOT NULL, PRIMARY KEY (deal_id, seq)
);
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, body TEXT NOT NULL);
"""

LEAST_BUDGET = 1000

PROCESS = SalesProcess.linear(
    key="short_sale",
    stages=[
        Stage(key="lead", exit_criteria=[fact("prospect").is_known(), fact("budget") >= LEAST_BUDGET]),
        Stage(key="offer", exit_criteria=fact("signed_on").is_known()),
        Stage(key="won", kind="won"),
    ],
    transitions=[
        Transition(trigger="lose", source="*", dest="lost", needs_reason=True, reasons=["price", "timing", "silence"])
    ],
)


class Facts(BaseModel):
    """What is known of a deal; a client may set any of it at any time."""

    model_config = ConfigDict(extra="forbid")

    prospect: str | None = None
    budget: int | None = None
    signed_on: date | None = None


class Deal(Facts):
    """A row of `deals`. Only the engine sets `stage` and `seq`."""

    id: int
    stage: str | None = None
    seq: int = 0


class MoveRequest(BaseModel):
    """A move that a client asks for; `expect` is the `seq` that it last saw the deal with."""

    trigger: str
    to: str | None = None
    by: str | None = None  # a real application takes this from the session, not from the client
    reason: str | None = None
    expect: int | None = None


hooks: Hooks[Deal] = Hooks()


@hooks.after
def announce(event: MovedEvent[Deal]) -> None:
    """Write a message where another process picks it up once it is committed."""
    db = cast("sqlite3.Connection", event.context["db"])
    body = {"deal": event.deal.id, **event.change.model_dump(mode="json")}
    topic = f"deal.{event.change.dest}"
    db.execute("INSERT INTO outbox (topic, body) VALUES (?, ?)", (topic, json.dumps(body)))


ENGINE: Engine[Deal] = Engine(PROCESS, hooks=hooks, seq="seq")


def open_database(request: Request) -> Iterator[sqlite3.Connection]:
    """Yield a connection for one request; a transaction begins where the code says so."""
    path = request.app.state.path
    # A request may go from one worker thread to the next, but is never in two at once.
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as db:
        db.row_factory = sqlite3.Row
        yield db


Database = Annotated[sqlite3.Connection, Depends(open_database)]
router = APIRouter()


@router.post("/deals", status_code=201)
def start_deal(facts: Facts, db: Database) -> dict[str, Any]:
    """Start a deal."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        text = facts.model_dump_json(exclude_unset=True)
        row = db.execute("INSERT INTO deals (facts) VALUES (?) RETURNING id", (text,)).fetchone()
        deal = Deal(id=row["id"], **dict(facts))
        store(db, deal.id, ENGINE.start(deal, context={"db": db}))
    return view(deal)


@router.get("/deals/{deal_id}")
def show_deal(deal_id: int, db: Database) -> dict[str, Any]:
    """Return a deal, the progress of its stage, and every way out: the open ones and the blocked."""
    return view(load(db, deal_id))


@router.patch("/deals/{deal_id}")
def set_facts(deal_id: int, facts: Facts, db: Database) -> dict[str, Any]:
    """Set the facts that the body names; `null` makes one unknown again."""
    text = facts.model_dump_json(exclude_unset=True)
    db.execute("UPDATE deals SET facts = json_patch(facts, ?) WHERE id = ?", (text, deal_id))
    return view(load(db, deal_id))


@router.post("/deals/{deal_id}/fire")
def fire(deal_id: int, move: MoveRequest, db: Database) -> dict[str, Any]:
    """Make a move, and return its record."""
    deal = load(db, deal_id)
    seen = deal.seq
    with db:
        db.execute("BEGIN IMMEDIATE")
        change = ENGINE.fire(deal, **dict(move), context={"db": db})
        if not store(db, deal_id, change):
            # Somebody else has moved the deal since it was loaded. The error takes back what the hooks wrote.
            raise ENGINE.check(load(db, deal_id), move.trigger, to=move.to, expect=seen).refusal()
    return change.model_dump(mode="json")


@router.get("/deals/{deal_id}/history")
def show_history(deal_id: int, db: Database) -> dict[str, Any]:
    """Return every change of a deal, and what follows from them."""
    load(db, deal_id)
    rows = db.execute("SELECT * FROM changes WHERE deal_id = ? ORDER BY seq", (deal_id,)).fetchall()
    history = History(PROCESS, map(read_change, rows))
    return {
        "outcome": history.outcome,
        "entered_at": history.entered_at,
        "closed_at": history.closed_at,
        "lost_in": history.lost_in,
        "changes": history.model_dump(mode="json"),
    }


def refuse(_request: Request, refused: TransitionRefused) -> JSONResponse:
    """Return a refused move as a response."""
    return JSONResponse(refused.decision.model_dump(mode="json"), status_code=409)


def view(deal: Deal) -> dict[str, Any]:
    """Return what a client sees of a deal."""
    options = [decision.model_dump(mode="json") for decision in ENGINE.options(deal)]
    return {**deal.model_dump(mode="json"), "progress": ENGINE.progress(deal), "options": options}


def load(db: sqlite3.Connection, deal_id: int) -> Deal:
    """Return a deal, or answer 404."""
    row = db.execute("SELECT * FROM deals WHERE id = ?", (deal_id,)).fetchone()
    if row is None:
        raise HTTPException(404, f"no deal {deal_id}")
    return Deal(id=row["id"], stage=row["stage"], seq=row["seq"], **json.loads(row["facts"]))


def store(db: sqlite3.Connection, deal_id: int, change: StageChange) -> bool:
    """Write a change, unless the deal is no longer where the change leaves it; say whether it was written."""
    row = change.model_dump(mode="json") | {"deal_id": deal_id}
    row |= {name: json.dumps(row[name]) for name in AS_JSON}
    swapped = db.execute(
        "UPDATE deals SET stage = :dest, seq = :seq WHERE id = :deal_id AND stage IS :source AND seq = :seq - 1", row
    )
    if swapped.rowcount == 0:
        return False
    db.execute(
        "INSERT INTO changes VALUES (:deal_id, :seq, :process, :version, :fingerprint, :trigger, :source, :dest, :at,"
        " :by, :reason, :source_kind, :waived, :starts, :resets, :metadata)",
        row,
    )
    return True


def read_change(row: sqlite3.Row) -> StageChange:
    """Return the change that `store` wrote."""
    fields = {key: row[key] for key in StageChange._fields}
    fields |= {name: json.loads(row[name]) for name in AS_JSON}
    return StageChange.model_validate(fields)


def create_app(path: str) -> FastAPI:
    """Return the application on a database, whose tables are made if they are missing."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA)
    app = FastAPI(title="Deals")
    app.state.path = path
    app.include_router(router)
    app.exception_handler(TransitionRefused)(refuse)
    return app


if __name__ == "__main__":
    uvicorn.run(create_app("deals.sqlite"))
