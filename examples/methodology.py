"""A company's own process: derived from a shipped one, checked, released, and the deals in flight taken along."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from salesprocess import Activity, Criterion, SalesProcess, Stage, Transition, fact
from salesprocess.assurance import MigrationPlan, diff, problems
from salesprocess.catalog import BANT, SEVEN_STAGE


@dataclass(frozen=True)
class Deal:
    """A deal of Acme's."""

    name: str
    stage: str
    prospect: str | None = None
    fits_profile: bool | None = None
    source: Literal["web", "referral"] | None = None
    contact_channels: list[str] = field(default_factory=list)
    appointment_at: datetime | None = None
    need: bool | None = None
    budget: bool | None = None
    authority: bool | None = None
    timeline: str | None = None
    issue: str | None = None
    presented_at: datetime | None = None
    open_objections: int | None = None
    approved_at: datetime | None = None
    signed_at: datetime | None = None
    referrals_asked: bool | None = None
    done: frozenset[str] = frozenset()


FIRST: SalesProcess = SEVEN_STAGE.with_version(1, key="acme", name="Acme sales").require("qualifying", *BANT)

SECOND: SalesProcess = (
    FIRST.insert(
        Stage(
            key="legal_review",
            phase="bottom",
            activities=[Activity(key="send_draft")],
            exit_criteria=Criterion(key="approved_at", rule=fact("approved_at").is_known(), evidence="document"),
        ),
        before="closing",
    )
    .without("making_contact", into="qualifying")
    .with_transition(
        Transition(trigger="lose", source="closing", dest="lost", needs_reason=True, reasons=("price", "timing"))
    )
    .rename("closing", "Signature")
    .with_version(2)
)


def main() -> None:
    """Check both versions, print what changed, and migrate three deals."""
    for process in (FIRST, SECOND):
        print(f"version {process.version}: {len(problems(process, Deal))} problems")
    changes = diff(FIRST, SECOND)
    print(f"\n{changes}\n")
    deals = [
        Deal("Initech", "making_contact", prospect="Initech", fits_profile=True),
        Deal("Globex", "closing", prospect="Globex", fits_profile=True),
        Deal("Hooli", "lost"),
    ]
    print(f"{len(changes.breaking({deal.stage for deal in deals}))} changes touch the stages that deals are in\n")
    plan = MigrationPlan.draft(FIRST, SECOND, making_contact="qualifying")
    run = plan.dry_run(deals)
    for failing in run.failing:
        print(f"{failing.deal.name} lacks {', '.join(found.key for found in failing.unmet)}")
    stored = list(plan.migrate(deals, at=datetime(2026, 11, 22, tzinfo=UTC), by="ops"))
    moved = [replace(deal, stage=change.dest) for deal, change in zip(deals, stored, strict=True)]
    print(", ".join(f"{deal.name} is in {SECOND.stage(deal.stage).name}" for deal in moved))


if __name__ == "__main__":
    main()
