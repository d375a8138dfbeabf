"""The example of a REST API, over HTTP."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import load_example

pytest.importorskip("fastapi")
uvicorn = pytest.importorskip("uvicorn")
httpx = pytest.importorskip("httpx")

READY = {"prospect": "Acme", "budget": 5000}


@pytest.fixture(scope="module")
def api() -> Any:
    """The example itself."""
    return load_example("api")


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Where the application keeps its database."""
    return str(tmp_path / "deals.sqlite")


@pytest.fixture
def client(api: Any, database: str) -> Iterator[Any]:
    """An HTTP client of the application, which a server runs on a port of its own."""
    server = uvicorn.Server(uvicorn.Config(api.create_app(database), port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client
    server.should_exit = True
    thread.join(10)


def query(database: str, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as db, db:
        return db.execute(sql).fetchall()


def start(client: Any, **facts: object) -> str:
    response = client.post("/deals", json=facts)
    assert response.status_code == 201
    return f"/deals/{response.json()['id']}"


def fire(client: Any, deal: str, trigger: str, **more: object) -> Any:
    return client.post(f"{deal}/fire", json={"trigger": trigger, **more})


def test_new_deal(client: Any) -> None:
    """A new deal shows its progress and every way out."""
    deal = client.get(start(client, prospect="Acme")).json()
    assert (deal["stage"], deal["seq"], deal["progress"]) == ("lead", 1, 0.5)
    assert [(way["trigger"], way["kind"]) for way in deal["options"]] == [("advance", "blocked"), ("lose", "allowed")]


def test_refusal(client: Any) -> None:
    """A refused move is a 409 whose body is the decision."""
    deal = start(client, prospect="Acme")
    response = fire(client, deal, "advance")
    assert response.status_code == 409
    body = response.json()
    assert (body["kind"], body["unmet"], body["unknown"]) == ("blocked", ["budget"], ["budget"])
    assert [way["trigger"] for way in body["alternatives"]] == ["lose"]
    assert client.get(deal).json()["seq"] == 1


def test_facts(client: Any) -> None:
    """Facts are set and unset, and open the way."""
    deal = start(client)
    assert client.patch(deal, json=READY).json()["progress"] == 1
    assert client.patch(deal, json={"budget": None}).json()["progress"] == 0.5
    client.patch(deal, json={"budget": 1000})
    assert fire(client, deal, "advance", by="ana").json()["dest"] == "offer"


def test_unknown_facts(client: Any) -> None:
    """A client sets neither the stage nor an unknown fact."""
    deal = start(client)
    assert client.patch(deal, json={"stage": "won"}).status_code == 422
    assert client.patch(deal, json={"bugdet": 1}).status_code == 422


def test_unknown_deal(client: Any) -> None:
    """An unknown deal is a 404."""
    responses = [client.get("/deals/9"), client.get("/deals/9/history"), client.patch("/deals/9", json={})]
    assert [response.status_code for response in [*responses, fire(client, "/deals/9", "advance")]] == [404] * 4


def test_reasons(client: Any) -> None:
    """A reason that is not listed is refused with the list."""
    deal = start(client)
    refused = fire(client, deal, "lose", reason="who knows")
    assert (refused.status_code, refused.json()["kind"]) == (409, "needs_reason")
    assert fire(client, deal, "lose", reason=refused.json()["reasons"][0]).status_code == 200


def test_history(client: Any, database: str) -> None:
    """The history is the table of changes, and what follows from it."""
    deal = start(client, **READY)
    changes = [fire(client, deal, "advance", by="ana").json(), fire(client, deal, "lose", reason="price").json()]
    history = client.get(f"{deal}/history").json()
    assert history["changes"][1:] == changes
    assert (history["outcome"], history["lost_in"]) == ("lost", "offer")
    assert query(database, "SELECT seq, source, dest FROM changes") == [
        (1, None, "lead"),
        (2, "lead", "offer"),
        (3, "offer", "lost"),
    ]


def test_outbox(client: Any, database: str) -> None:
    """Every change leaves a message in the outbox."""
    fire(client, start(client, **READY), "advance")
    rows = query(database, "SELECT topic, body FROM outbox")
    assert [topic for topic, _ in rows] == ["deal.lead", "deal.offer"]
    assert json.loads(rows[1][1])["trigger"] == "advance"


@pytest.mark.parametrize("table", ["outbox", "changes"])
def test_rollback(client: Any, database: str, table: str) -> None:
    """A failure leaves no row behind: without the outbox a hook fails, without the history what comes after it."""
    deal = start(client, **READY)
    query(database, f"ALTER TABLE {table} RENAME TO away")
    assert fire(client, deal, "advance").status_code == 500
    query(database, f"ALTER TABLE away RENAME TO {table}")
    assert query(database, "SELECT stage, seq FROM deals") == [("lead", 1)]
    assert query(database, "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM changes)") == [(1, 1)]


def test_stale_view(client: Any) -> None:
    """A move that expects an old number is stale."""
    deal = start(client, **READY)
    responses = [fire(client, deal, "advance", expect=1), fire(client, deal, "lose", reason="price", expect=1)]
    assert [response.status_code for response in responses] == [200, 409]
    assert responses[1].json()["kind"] == "stale"


def test_race(client: Any, database: str) -> None:
    """Of two clients that have read the same deal, exactly one moves it."""
    deal = start(client, **READY)
    with closing(sqlite3.connect(database, isolation_level=None)) as db, ThreadPoolExecutor() as pool:
        db.execute("BEGIN IMMEDIATE")
        racing = [pool.submit(fire, client, deal, "advance"), pool.submit(fire, client, deal, "lose", reason="price")]
        time.sleep(1)
        db.execute("COMMIT")
        responses = sorted((race.result() for race in racing), key=lambda response: response.status_code)
    assert [response.status_code for response in responses] == [200, 409]
    assert responses[1].json()["kind"] == "stale"
    assert client.get(deal).json()["stage"] == responses[0].json()["dest"]
    assert query(database, "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM changes)") == [(2, 2)]


def test_many_clients(client: Any) -> None:
    """Many clients move a deal once."""
    deal = start(client, **READY)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: fire(client, deal, "lose", reason="price").status_code, range(16)))
    assert sorted(codes) == [200] + [409] * 15
    assert len(client.get(f"{deal}/history").json()["changes"]) == 2
