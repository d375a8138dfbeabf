"""Makes the small log of stage changes that `audit.py` reads when it is given none: always the same one.

    python make_log.py [OUT.csv]

Sixty deals of an invented company. Most go from stage to stage; some jump over stages, go back, have no owner, pass
two stages within the hour, are lost, or are worked on after they were lost. The last one uses the id of the first.
"""

from __future__ import annotations

import csv
import sys
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIPPED_LOG = Path(__file__).parent / "data" / "stage_changes.csv"
DEALS = 60
FIRST_ID = 1001
FIRST_DAY = datetime(2025, 1, 6, 9, 0)  # noqa: DTZ001 - the log has no zones, as Pipedrive's has none
LAST_STAGE = 9


def rows() -> Iterator[tuple[int, datetime, str, object]]:
    """The log, deal by deal."""
    random = Random(2025)  # noqa: S311 - invented deals, always the same
    for number in range(DEALS):
        begun = FIRST_DAY + timedelta(days=3 * number, minutes=random.randrange(480))
        deal_id = FIRST_ID if number == DEALS - 1 else FIRST_ID + number
        for at, key, value in changes(random, begun, number):
            yield deal_id, at, key, value


def changes(random: Random, begun: datetime, number: int) -> Iterator[tuple[datetime, str, object]]:
    """What became of one deal; every so many are of a kind that the audit is to find."""
    at = begun
    yield at, "add_time", begun.isoformat()
    if number % 9 != 4:
        yield at + timedelta(hours=1), "user_id", random.randrange(11, 17)
    passed = stages(random, number)
    for stage in passed:
        # One deal in thirteen is clicked through its stages, with minutes and not days between them.
        at += timedelta(minutes=10) if number % 13 == 6 else timedelta(days=random.randrange(2, 20))
        yield at, "stage_id", stage
    if number % 4 == 1:
        yield at + timedelta(days=5), "lost_reason", random.randrange(1, 6)
    if number % 20 == 1:
        yield at + timedelta(days=30), "stage_id", min(passed[-1] + 1, LAST_STAGE)


def stages(random: Random, number: int) -> list[int]:
    """The stages that the deal was put in, in order."""
    end = random.randrange(2, LAST_STAGE + 1)
    passed = list(range(1, end + 1))
    if number % 5 == 2 and end > 3:
        del passed[random.randrange(1, end - 2) : end - 1]
    if number % 7 == 3:
        back = max(1, passed[-1] - random.randrange(1, 4))
        passed += [back, back + 1]
    return passed


def main(arguments: list[str]) -> None:
    """Writes the log."""
    target = Path(arguments[0]) if arguments else SHIPPED_LOG
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["deal_id", "change_time", "changed_field_key", "new_value"])
        writer.writerows(rows())


if __name__ == "__main__":
    main(sys.argv[1:])
