"""Bring a pipeline from HubSpot, add the gate it lacks, and see which deals moved without it.

Run with `python examples/from_crm.py`.
"""

from __future__ import annotations

from salesprocess import Engine, SalesProcess, fact
from salesprocess.formats import hubspot, markdown
from salesprocess.history import replay

ANSWER = """{"results": [{"id": "default", "label": "Sales Pipeline", "stages": [
  {"id": "appointmentscheduled", "label": "Appointment scheduled", "displayOrder": 0,
   "metadata": {"isClosed": "false", "probability": "0.2"}},
  {"id": "contractsent", "label": "Contract sent", "displayOrder": 1,
   "metadata": {"isClosed": "false", "probability": "0.9"}},
  {"id": "closedwon", "label": "Closed won", "displayOrder": 2,
   "metadata": {"isClosed": "true", "probability": "1.0"}},
  {"id": "closedlost", "label": "Closed lost", "displayOrder": 3,
   "metadata": {"isClosed": "true", "probability": "0.0"}}]}]}"""

DEALS = {
    "101": {
        "hs_v2_date_entered_appointmentscheduled": "2026-01-05T09:00:00Z",
        "hs_v2_date_entered_contractsent": "2026-01-19T15:30:00Z",
        "hs_v2_date_entered_closedwon": "2026-02-02T10:00:00Z",
    },
    "102": {"hs_v2_date_entered_contractsent": "2026-01-07T11:00:00Z"},
}


def gated(process: SalesProcess) -> SalesProcess:
    """Return the process with a gate, which HubSpot cannot hold: nobody sends a contract without a budget."""
    return process.require("appointmentscheduled", fact("budget").is_known())


def main() -> None:
    """Print the import, a refusal, what was odd in the past, and the playbook's moves."""
    imported = hubspot.load(ANSWER)
    print(imported)
    process = gated(imported.process)
    print(Engine(process).check({"stage": "appointmentscheduled", "budget": None}, to="contractsent"))
    for deal, history in hubspot.load_history(DEALS, process).histories.items():
        print(f"deal {deal}: {replay(process, history)}")
    print(markdown.transition_table(process))


if __name__ == "__main__":
    main()
