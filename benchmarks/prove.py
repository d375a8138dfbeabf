"""How long proofs take on a process of 200 stages, 2,000 transitions and 1,000 criteria: under 2 seconds each."""

from __future__ import annotations

import random
import time

from salesprocess import Criterion, SalesProcess, Stage, Transition, fact, now
from salesprocess.assurance.proof import Claim, always_passes, at_most, eventually_closable, never, prove, reachable
from salesprocess.criteria import Rule

STAGES, TRANSITIONS, CRITERIA = 200, 2_000, 1_000
LIMIT = 2.0


def rule(number: int, chance: random.Random) -> Rule:
    name = f"fact_{number}"
    kinds = [
        fact(name).is_known(),
        fact(name).is_true(),
        fact(name) >= number,
        fact(name).one_of("a", "b"),
        fact(name).count() >= 1,
        fact("done").contains(name),
        fact(name).before(now()),
        (fact(name) > number) | fact(f"{name}_exempt").is_true(),
        fact("amount") >= number,
    ]
    return chance.choice(kinds)


def process() -> SalesProcess:
    chance = random.Random(7)
    each = CRITERIA // STAGES
    stages = [
        Stage(
            key=f"stage_{index}",
            exit_criteria=[
                Criterion(key=f"criterion_{number}", rule=rule(number, chance))
                for number in range(index * each, (index + 1) * each)
            ],
        )
        for index in range(STAGES - 2)
    ]
    stages += [Stage(key="won", kind="won"), Stage(key="lost", kind="lost")]
    moves = {(index, index + 1): "advance" for index in range(STAGES - 2)}
    while len(moves) < TRANSITIONS:
        left, entered = chance.randrange(STAGES - 2), chance.randrange(STAGES)
        # Only the last open stage wins, so that proofs have something to hold on to.
        if left != entered and entered != STAGES - 2:
            moves.setdefault((left, entered), f"move_{chance.randrange(40)}")
    transitions = [
        Transition(trigger=trigger, source=stages[left].key, dest=stages[entered].key)
        for (left, entered), trigger in moves.items()
    ]
    return SalesProcess(key="large", stages=stages, transitions=transitions)


def main() -> None:
    large = process()
    last = STAGES - 3
    claims: list[Claim] = [
        never("won", without=f"criterion_{CRITERIA - 11}"),
        never("won", without="criterion_0"),
        never("won", without=fact("amount") >= CRITERIA),
        always_passes(f"stage_{last}", before="won"),
        reachable("won"),
        eventually_closable(),
        at_most(1, "advance"),
        at_most(20, "move_3"),
    ]
    print(f"{len(large.stages)} stages, {len(list(large.moves()))} moves")
    for claim in claims:
        for with_overrides in (False, True):
            started = time.perf_counter()
            answer = prove(large, claim, with_overrides=with_overrides)
            taken = time.perf_counter() - started
            slow = "" if taken < LIMIT else "  TOO SLOW"
            print(f"{taken:7.3f} s  {type(answer).__name__:14}  {claim}{', with overrides' * with_overrides}{slow}")


if __name__ == "__main__":
    main()
