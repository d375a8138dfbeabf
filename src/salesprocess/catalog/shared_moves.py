"""The moves that all shipped processes share."""

from __future__ import annotations

from itertools import takewhile
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
    """Return a linear process that a deal may leave as lost, and before the presentation as disqualified.

    `presented_from` is the stage of the first presentation: from there on a deal is no longer disqualified.
    `owner_of_exits` is responsible for deals that are lost or disqualified.
    """
    before = tuple(stage.key for stage in takewhile(lambda stage: stage.key != presented_from, stages))
    return SalesProcess.linear(
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
