"""Audits a log of stage changes: which moves the sales process would have refused, and why.

    python audit.py [LOG.csv] [--stages STAGES.csv]

The log has the columns deal_id, change_time, changed_field_key and new_value, as Pipedrive exports them. An `add_time`
row begins a deal, even one whose id was used before; `stage_id`, `user_id` and `lost_reason` rows tell what became of
it. Times without a zone are UTC. The stages are those of STAGES.csv (stage_id, stage_name, in the order of the sale),
else of a `stages.csv` beside the log, else the nine below. Without a log, the small one beside this script is read.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from salesprocess import Decision, DefinitionError, Engine, SalesProcess, Stage, fact, hours, time_in_stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

NINE_STAGES = {
    "1": "New lead",
    "2": "Qualified",
    "3": "Needs known",
    "4": "Proposal sent",
    "5": "Negotiating",
    "6": "Closing",
    "7": "Onboarding",
    "8": "Customer success",
    "9": "Renewal",
}
SHIPPED_LOG = Path(__file__).parent / "data" / "stage_changes.csv"
LOG_COLUMNS = ("deal_id", "change_time", "changed_field_key", "new_value")
STAGE_COLUMNS = ("stage_id", "stage_name")

# The questions that a move is put to, in this order: by the kind of refusal that a "no" to each one gives.
QUESTIONS = {
    "closed": "the deal was still open",
    "no_transition": "the process has such a move",
    "blocked": "its criteria were met",
    "needs_reason": "it had a reason, where it needs one",
}


def sales_process(stages: Mapping[str, str]) -> SalesProcess:
    """The process that the log is held against: stage by stage, with an owner, and at no more than a stage an hour."""
    gate = [fact("owner").is_known(), time_in_stage() >= hours(1)]
    return SalesProcess.linear(
        key="audited",
        stages=[Stage(key=key_of(name), name=name, exit_criteria=gate) for name in stages.values()],
        skip="forbid",
        back="with_reason",
        reopen="forbid",
    )


def key_of(name: str) -> str:
    """A stage's name as a key: `Proposal/Quote` is `proposal_quote`."""
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")


@dataclass
class Deal:
    """What the log says of a deal: all that the process asks for, and nothing of the library's."""

    stage: str | None = None
    entered_at: datetime | None = None
    owner: str | None = None


class Change(NamedTuple):
    """One row of the log."""

    at: datetime
    field: str
    value: str


@dataclass
class Episode:
    """The life of one deal: from its `add_time` to its last change."""

    deal_id: str
    begun: datetime
    changes: list[Change] = field(default_factory=list)


class Move(NamedTuple):
    """A change from one stage to another, and what the engine says of it."""

    direction: str
    refusal: str | None
    decision: Decision


def replay(engine: Engine[Deal], episode: Episode) -> Iterator[Move]:
    """Every move of the deal, decided on the deal as it was then; what was done is done, whatever the decision."""
    order = [stage.key for stage in engine.process.stages]
    deal, last = Deal(), -1
    for change in sorted(episode.changes, key=lambda change: change.at):
        if change.field == "user_id":
            deal.owner = change.value or None
        elif change.field == "lost_reason" and deal.stage is not None:
            deal.stage = "lost"
        # A row that repeats the stage is no move, and the first one is where the deal comes from nowhere.
        elif change.field == "stage_id" and change.value != deal.stage:
            position = order.index(change.value)
            if deal.stage is not None:
                yield decided(engine, deal, change, position - last)
            deal.stage, deal.entered_at, last = change.value, change.at, position


def decided(engine: Engine[Deal], deal: Deal, change: Change, step: int) -> Move:
    """The move that a row records, with the engine's decision on it."""
    decision = engine.check(deal, to=change.value, at=change.at)
    refusal = None if decision else decision.kind
    # The engine would ask for a reason as the move is made, and the log has none.
    if decision and decision.needs_reason:
        refusal = "needs_reason"
    if deal.stage == "lost":
        return Move("after the deal was lost", refusal, decision)
    direction = "backward" if step < 0 else "to the next stage" if step == 1 else "skipping"
    return Move(direction, refusal, decision)


def report(audited: list[tuple[Episode, list[Move]]]) -> Iterator[str]:
    """The lines of the audit."""
    moves = [move for _, moves in audited for move in moves]
    directions = Counter(move.direction for move in moves)
    yield f"{len(audited):,} deals"
    yield f"{len(moves):,} moves"
    for direction in ("to the next stage", "skipping", "backward", "after the deal was lost"):
        yield f"  {directions[direction]:>7,} {direction}"
    yield ""
    yield "Each question is put to the moves that the one above it allowed:"
    yield f"  {'refusal':<14}{'allowed':>9}{'refused':>9}  question"
    refusals = Counter(move.refusal for move in moves)
    left = len(moves)
    for kind, question in QUESTIONS.items():
        left -= refusals[kind]
        yield f"  {kind:<14}{left:>9,}{refusals[kind]:>9,}  {question}"
    yield ""
    yield from worst(audited)


def worst(audited: list[tuple[Episode, list[Move]]], count: int = 10, listed: int = 4) -> Iterator[str]:
    """The deals with the most refused moves, and the engine's reasons."""
    ranked = sorted(audited, key=lambda pair: -sum(move.refusal is not None for move in pair[1]))
    ranked = [(episode, moves) for episode, moves in ranked[:count] if any(move.refusal for move in moves)]
    yield f"The {len(ranked)} deals with the most refused moves:" if ranked else "No move was refused."
    for episode, moves in ranked:
        refused = [move for move in moves if move.refusal is not None]
        yield f"  deal {episode.deal_id} of {episode.begun:%Y-%m-%d}: {len(refused)} of {len(moves)} moves refused"
        yield from (f"    - {why(move)}" for move in refused[:listed])
        if len(refused) > listed:
            yield f"    - and {len(refused) - listed} more"


def why(move: Move) -> str:
    """The decision's own words, in one line."""
    decision = move.decision
    text = decision.message
    if decision.unmet:
        text = f"{decision.source} to {decision.dest}: {'; '.join(map(str, decision.unmet))}"
    elif move.refusal == "needs_reason":
        text += ", and the log gives none"
    return textwrap.shorten(text, width=140, placeholder=" ...")


class MalformedError(Exception):
    """The input is not what it should be; says where, what was found and what was expected."""


class Row(NamedTuple):
    """A row of a CSV file, and where it stands."""

    place: str
    values: dict[str, str]


def read_rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a CSV file that has these columns, and perhaps others."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MalformedError(f"{path}: {error.strerror}, expected a CSV file") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"byte {content[error.start]:#04x}"
        raise MalformedError(f"{path}:{line}: found {found}, which is not UTF-8, expected UTF-8 text") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        for column in columns:
            if column not in header:
                found = ", ".join(header) or "nothing"
                raise MalformedError(f"{path}:1: found {found}, expected a column {column}")
        for cells in reader:
            if cells:
                yield Row(f"{path}:{reader.line_num}", paired(header, cells, f"{path}:{reader.line_num}"))
    except csv.Error as error:
        raise MalformedError(f"{path}:{reader.line_num}: {error}, expected CSV") from None


def paired(header: list[str], cells: list[str], place: str) -> dict[str, str]:
    """The cells by their columns."""
    if len(cells) != len(header):
        raise MalformedError(f"{place}: found {len(cells)} values, expected {len(header)}, one for each column")
    return dict(zip(header, cells, strict=True))


def read_stages(path: Path) -> dict[str, str]:
    """The names of the stages by their ids, in the order of the file."""
    stages: dict[str, str] = {}
    for place, values in read_rows(path, STAGE_COLUMNS):
        if values["stage_id"] in stages:
            raise MalformedError(f"{place}: found stage_id {values['stage_id']} again, expected each once")
        stages[values["stage_id"]] = values["stage_name"]
    return stages


def read_log(path: Path, stages: Mapping[str, str]) -> list[Episode]:
    """The episodes of the log, in the order in which they begin in it."""
    episodes: list[Episode] = []
    running: dict[str, Episode] = {}
    for place, values in read_rows(path, LOG_COLUMNS):
        deal_id, key, value = values["deal_id"], values["changed_field_key"], values["new_value"]
        if not deal_id:
            raise MalformedError(f"{place}: found no deal_id, expected one")
        at = read_time(values["change_time"], place)
        if key == "add_time" or deal_id not in running:
            running[deal_id] = Episode(deal_id, at)
            episodes.append(running[deal_id])
        if key == "stage_id":
            if value not in stages:
                raise MalformedError(f"{place}: found stage_id {value!r}, expected one of {', '.join(stages)}")
            value = key_of(stages[value])
        running[deal_id].changes.append(Change(at, key, value))
    return episodes


def read_time(text: str, place: str) -> datetime:
    """A time of the log, aware."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedError(f"{place}: found change_time {text!r}, expected a time as 2024-04-09 21:32:09") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def audit(log: Path, stages_file: Path | None) -> Iterable[str]:
    """The report on a log."""
    beside = log.parent / "stages.csv"
    if stages_file is None and beside.exists():
        stages_file = beside
    stages = NINE_STAGES if stages_file is None else read_stages(stages_file)
    try:
        engine = Engine[Deal](sales_process(stages))
    except DefinitionError as error:
        raise MalformedError(f"{stages_file}: {error.problems[0]}") from None
    return report([(episode, list(replay(engine, episode))) for episode in read_log(log, stages)])


def main(arguments: list[str] | None = None) -> int:
    """Prints the audit; the exit status is 2 where the input is malformed."""
    parser = argparse.ArgumentParser(description="Which moves of a log a sales process would have refused, and why.")
    parser.add_argument("log", nargs="?", type=Path, default=SHIPPED_LOG, help="a log of changes, as CSV")
    parser.add_argument("--stages", type=Path, help="the stages in order, as CSV: stage_id, stage_name")
    options = parser.parse_args(arguments)
    try:
        print("\n".join(audit(options.log, options.stages)))
    except MalformedError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
