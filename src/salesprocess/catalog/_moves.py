"""The moves that all shipped processes share."""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from salesprocess.process import SalesProcess, Stage, Transition

if TYPE_CHECKING:
    from collections.abc import Sequence


def linear_with_exits(
    *,
    key: str,
    name: str,
    stages: Sequence[Stage],
    presented_from: str,
    transitions: Sequence[Transition] = (),
    owner_of_exits: str | None = None,
) -> SalesProcess:
    """A linear process that a deal may leave as lost from any open stage, and as disqualified before the presentation.

    `presented_from` is the stage of the first presentation, from which a deal is no longer disqualified.
    """
    before = tuple(stage.key for stage in takewhile(lambda stage: stage.key != presented_from, stages))
    process = SalesProcess.linear(
        key=key,
        name=name,
        stages=[
            *stages,
            Stage(key="lost", kind="lost", objective="Learn why, and keep the door open.", owner=owner_of_exits),
            Stage(
                key="disqualified",
                kind="disqualified",
                objective="Spend no more time here; say why.",
                owner=owner_of_exits,
            ),
        ],
        transitions=[
            Transition(trigger="disqualify", source=before, dest="disqualified", needs_reason=True),
            *transitions,
        ],
    )
    return SalesProcess(
        key=key, name=name, stages=process.stages, transitions=(*process.transitions, _back_from_won(stages))
    )


def _back_from_won(stages: Sequence[Stage]) -> Transition:
    """The way back for a deal that was not won after all: a signature that was withdrawn, or a slip of the hand."""
    closing, won = next(pair for pair in pairwise(stages) if pair[1].kind == "won")
    return Transition(trigger="go_back", source=won.key, dest=closing.key, direction="back", needs_reason=True)
