"""How decisions and plans read, in the words of any language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from salesprocess._text import one_line
from salesprocess.criteria.wording import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from salesprocess.criteria import Finding
    from salesprocess.engine.decision import Alternative, Decision, Plan

_Writer: TypeAlias = Callable[[Words, Any], str]


def message(decision: Decision, words: Words) -> str:
    """Return a decision in one line, which no text from outside can break."""
    outcome, sentences = decision._outcome, words.sentences  # noqa: SLF001 - its message, kept in a module of its own
    if outcome.sentence:
        return one_line(_explained(decision, outcome.sentence, outcome.details, words))
    if decision.allowed:
        kind = "allowed_with_reason" if decision.needs_reason else "allowed"
        return one_line(sentences[kind].format(move=_move(decision, words)))
    return _refusal(decision, decision.unmet, words)


def _refusal(decision: Decision, unmet: Sequence[Finding], words: Words) -> str:
    kind = decision.kind
    errored = ""
    if kind == "errored":
        keys = (words.labels.get(found.key, found.key) for found in unmet if found.status == "errored")
        errored = words.separator.join(keys)
    text = words.sentences[kind].format(
        move=_move(decision, words),
        count=len(unmet),
        are=words.are[len(unmet) > 1],
        total=len([found for found in decision.findings if found.severity == "required"]),
        errored=errored,
    )
    return one_line(text)


def decision_text(decision: Decision, words: Words) -> str:
    """Return a decision as a report: its message, what is not met, and the other moves."""
    sentences, unmet = words.sentences, decision.unmet
    # What is not met is looked up once for the whole report, since it is made often.
    lines = [_refusal(decision, unmet, words) if unmet else message(decision, words)]
    lines += [f"  - {found.text(words)}" for found in unmet]
    lines += [f"  - {sentences['advice'].format(finding=found.text(words))}" for found in decision.advisories]
    if not decision.allowed and decision.alternatives:
        moves = "; ".join([alternative_text(way, words) for way in decision.alternatives])
        sentence = sentences["other_moves_to_start" if decision.source is None else "other_moves"]
        lines.append(one_line(sentence.format(source=words.stage(decision.source), moves=moves)))
    return "\n".join(lines)


def alternative_text(way: Alternative, words: Words) -> str:
    """Return a way out of a stage, with the conditions under which it may be taken."""
    sentences = words.sentences
    conditions = []
    if way.has_criteria:
        conditions.append(sentences["if_met"])
    if way.needs_reason:
        conditions.append(sentences["with_a_reason"])
    text = sentences["alternative"].format(trigger=way.trigger, dest=words.stages.get(way.dest, way.dest))
    return f"{text} ({', '.join(conditions)})" if conditions else text


def plan_text(plan: Plan, words: Words) -> str:
    """Return a plan as a numbered list, with what each step still needs."""
    if plan.refusal is not None:
        return message(plan.refusal, words)
    sentences, count = words.sentences, len(plan.steps)
    sentence = sentences["plan_to_start" if plan.source is None else "plan"]
    source, dest = words.stage(plan.source), words.stage(plan.dest)
    lines = [one_line(sentence.format(source=source, dest=dest, count=count, steps=words.steps[count != 1]))]
    for number, step in enumerate(plan.steps, 1):
        dest = str(step.dest)
        move = sentences["alternative"].format(trigger=step.trigger, dest=words.stages.get(dest, dest))
        if step.needs_reason:
            move = f"{move}, {sentences['with_a_reason']}"
        lines.append(one_line(f"  {sentences['step'].format(number=number, move=move)}"))
        lines += [f"     - {found.text(words)}" for found in step.unmet]
    return "\n".join(lines)


def _move(decision: Decision, words: Words) -> str:
    sentence = words.sentences["start" if decision.source is None else "move"]
    trigger = words.quote(str(decision.trigger))
    return sentence.format(trigger=trigger, source=words.stage(decision.source), dest=words.stage(decision.dest))


def _explained(decision: Decision, sentence: str, details: Mapping[str, Any], words: Words) -> str:
    parts = {_NAMES.get(name, name): _WRITERS[name](words, value) for name, value in details.items()}
    if "reason_why" in details:
        parts["sentence"] = words.sentences[details["reason_why"]].format(**parts)
    return words.sentences[sentence].format(move=_move(decision, words), **parts)


def _quoted(words: Words, text: object) -> str:
    return words.quote(str(text))


def _number(words: Words, value: object) -> str:
    return words.quote(value) if isinstance(value, str) else str(value)


def _listed(write: _Writer) -> Callable[[Words, Iterable[Any]], str]:
    return lambda words, values: words.separator.join(write(words, value) for value in values)


def _suggestion(words: Words, meant: tuple[str, Iterable[str]]) -> str:
    return words.suggestion(*meant)


# How each detail of a decision is written, by its name.
_WRITERS: Final[Mapping[str, _Writer]] = {
    "process": _quoted,
    "trigger": _quoted,
    "start": _quoted,
    "key": _quoted,
    "reason": _quoted,
    "stage": Words.stage,
    "to": Words.stage,
    "initial": Words.stage,
    "expected_stage": Words.stage,
    "found": _number,
    "expected": _number,
    "version": _number,
    "targets": _listed(lambda words, key: words.stages.get(key, key)),
    "triggers": _listed(_quoted),
    "reasons": _listed(_quoted),
    "meant": _suggestion,
    "state": lambda words, kind: words.states[kind],
    "reason_why": lambda _words, sentence: sentence,
    "why": lambda _words, text: text,
}
_NAMES: Final = {"expected_stage": "expected", "meant": "suggestion"}
