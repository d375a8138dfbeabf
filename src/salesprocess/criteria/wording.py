"""How rules, findings, decisions and plans read: the sentences of a language, kept apart from what they are about.

`ENGLISH` and `GERMAN` are complete. A language of your own is one more `Words`; `missing` names what it lacks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from numbers import Real
from typing import Final
from uuid import UUID

from salesprocess import _text
from salesprocess.criteria.json_values import is_record
from salesprocess.criteria.operators import OPERATORS, Wording

_DEEPEST: Final = 4


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language, with braces where a part goes.

    `operators` has the wording of each operator, and `times` that beside a moment or a date, where it differs. `terms`
    and `measures` say what a rule looks at, and `inputs` what was found beside the facts of the deal; `joints` and
    `empty` are of rules joined by `all` and `any`. `sentences` are those of decisions and plans, and `states` the kinds
    of stages at which a deal ends.

    `labels` has labels of criteria and names of facts by key, `stages` the names of stages; what is not there goes by
    its own label or key. `units` has durations in one and in several; `marks` are the marks for thousands and for
    decimals; `quote`, `date` and `moment` write text, dates and times.
    """

    operators: Mapping[str, Wording]
    times: Mapping[str, Wording]
    terms: Mapping[str, str]
    inputs: Mapping[str, str]
    measures: Mapping[str, str]
    joints: Mapping[str, str]
    empty: Mapping[str, str]
    sentences: Mapping[str, str]
    states: Mapping[str, str]
    units: Mapping[str, tuple[str, str]]
    negation: str
    predicate: str
    at_least: str
    criterion: str
    when: str
    finding: str
    label: str
    raised: str
    found: str
    found_nothing: str
    not_shown: str
    nothing: str
    true: str
    false: str
    are: tuple[str, str]
    steps: tuple[str, str]
    marks: tuple[str, str] = (",", ".")
    separator: str = ", "
    quote: Callable[[str], str] = repr
    date: Callable[[date], str] = date.isoformat
    moment: Callable[[datetime], str] = datetime.isoformat
    labels: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, str] = field(default_factory=dict)

    def value(self, value: object, depth: int = 0) -> str:
        """Return a value as a person reads it, in at most 80 characters; of an object, the name of its type.

        >>> GERMAN.value(10_000.5), GERMAN.value(date(2026, 10, 25)), ENGLISH.value([1.5, object()])
        ('10.000,5', '25.10.2026', '[1.5, <object>]')
        """
        try:
            # The commonest types first, for speed: a report writes many values.
            if value.__class__ is str:
                return _text.shortened(self.quote(str(value)))
            if value.__class__ is int:
                return _text.shortened(self._number(f"{value:,}"))
            return _text.shortened(self._written(value, depth))
        except Exception:  # noqa: BLE001 - a value that cannot be read must not hide the refusal
            return _text.type_name(value)

    def _written(self, value: object, depth: int) -> str:  # noqa: PLR0911 - one return a type
        match value:
            case None:
                return self.nothing
            case bool():
                return self.true if value else self.false
            case Enum():
                return self._written(value.value, depth)
            case str():
                return self.quote(str.__str__(value))
            case Real() | Decimal():
                return self._number(f"{value:,}")
            case timedelta():
                number, unit = _text.in_units(value)
                return f"{self._number(number)} {self.units[unit][number != '1']}"
            case datetime():
                return self.moment(value)
            case date():
                return self.date(value)
            case UUID():
                return str(value)
        return self._parts(value, depth + 1)

    def _parts(self, value: object, depth: int) -> str:
        if depth > _DEEPEST or is_record(value):
            return _text.type_name(value)
        if isinstance(value, Mapping):
            pairs = (f"{self.value(key, depth)}: {self.value(part, depth)}" for key, part in value.items())
            return f"{{{self._listed(pairs)}}}"
        if isinstance(value, list | tuple | deque | AbstractSet):
            first, last = "{}" if isinstance(value, AbstractSet) else "()" if isinstance(value, tuple) else "[]"
            return f"{first}{self._listed(self.value(part, depth) for part in value)}{last}"
        return _text.type_name(value)

    def _listed(self, parts: Iterable[str]) -> str:
        """Return the parts as a list, as far as they can be shown."""
        found, length = [], 0
        for part in parts:
            found.append(part)
            length += len(part)
            if length > _text.SHOWN:
                break
        return self.separator.join(found)

    def _number(self, text: str) -> str:
        if self.marks == (",", "."):
            return text
        thousands, decimal = self.marks
        return text.translate({ord(","): thousands, ord("."): decimal})

    def input(self, name: str) -> str:
        """Return what a finding calls a value that it has under this name."""
        source, _, path = name.partition(".")
        if name in self.labels or source not in self.inputs:
            return self.labels.get(name, name)
        return self.inputs[source].format(self.labels.get(path, path))

    def stage(self, key: str | None) -> str:
        """Return the name of a stage in quotes."""
        return self.nothing if key is None else self.quote(self.stages.get(key, key))

    def suggestion(self, name: str, known: Iterable[str]) -> str:
        """Return which name was probably meant, or the known names, to put behind a message about an unknown one."""
        names, sentences = list(known), self.sentences
        close = _text.nearest(name, names)
        if close is not None:
            return sentences["did_you_mean"].format(self.quote(close))
        if not names:
            return sentences["there_are_none"]
        listed = self.separator.join(map(self.quote, names[: _text.LISTED]))
        more = len(names) - _text.LISTED
        return sentences["there_are"].format(listed) + (sentences["and_more"].format(more) if more > 0 else "")


def missing(words: Words) -> tuple[str, ...]:
    """Return what a language lacks beside English, such as `sentences.blocked`."""
    lacks = []
    for name in (each.name for each in fields(Words)):
        there, found = getattr(ENGLISH, name), getattr(words, name)
        if isinstance(there, Mapping):
            lacks += [f"{name}.{key}" for key in there if not (key in found and any(found[key]))]
        elif not found:
            lacks.append(name)
    return tuple(lacks)


ENGLISH: Final = Words(
    operators={name: each.wording for name, each in OPERATORS.items()},
    times={name: each.wording_of_times for name, each in OPERATORS.items() if each.wording_of_times},
    terms={"fact": "{}", "context": "{} (of the context)", "now": "now", "time_in_stage": "time in stage"},
    inputs={"context": "context.{}", "now": "now", "time_in_stage": "time_in_stage"},
    measures={"count": "the number of {}", "distinct": "the number of distinct {}"},
    joints={"all": " and ", "any": " or "},
    empty={"all": "all of nothing", "any": "any of nothing"},
    sentences={
        "move": "{trigger} from {source} to {dest}",
        "start": "{trigger} to {dest}",
        "allowed": "{move} is allowed",
        "allowed_with_reason": "{move} is allowed, with a reason",
        "blocked": "{move} is blocked: {count} of {total} criteria {are} not met",
        "errored": "{move} cannot be decided: {errored} raised; {count} of {total} criteria {are} not met",
        "forbidden": "{move} is forbidden to the caller: {count} of {total} criteria {are} not met",
        "unknown_trigger": "unknown trigger {trigger} in process {process}{suggestion}",
        "unknown_target": "unknown stage {to} in process {process}{suggestion}",
        "unknown_stage": "the deal is in unknown stage {found} of process {process}{suggestion}",
        "wrong_version": "the deal runs under version {found} of process {process}, this engine under {version}",
        "no_move": "{trigger} does not lead out of {stage}",
        "no_move_there": "{trigger} does not lead out of {stage} to {to}",
        "no_way_there": "no move leads out of {stage} to {to}",
        "closed": "the deal is {state}: {sentence}",
        "already_there": "the deal is in {stage} already",
        "not_started": "the deal is in no stage yet: {start} puts it in {initial}",
        "no_key": "the deal has no key {key}, so it is in no stage yet: {start} puts it in {initial}",
        "started": "the deal has started already: it is in {stage}",
        "stale_stage": "the deal is in {stage}, not in {expected} as expected: look at it again",
        "stale_number": "the deal is at change {found}, not at change {expected} as expected: look at it again",
        "ambiguous_target": "{trigger} from {stage} leads to {targets}: name the stage with to=",
        "ambiguous_trigger": "{triggers} all lead from {stage} to {to}: name the trigger",
        "needs_reason": "{move} needs a reason: give one with reason=",
        "needs_listed_reason": "{move} needs a reason, one of {reasons}",
        "unlisted_reason": "{move} needs a reason from its list: unknown reason {reason}{suggestion}",
        "vetoed": "{move} was vetoed: {why}",
        "no_plan": "no moves lead from {stage} to {to}",
        "did_you_mean": "; did you mean {}?",
        "there_are": "; there are {}",
        "there_are_none": "; there are none",
        "and_more": " and {} more",
        "advice": "advice: {finding}",
        "other_moves": "Other moves from {source}: {moves}",
        "other_moves_to_start": "Other moves: {moves}",
        "alternative": "{trigger} to {dest}",
        "if_met": "if its criteria are met",
        "with_a_reason": "with a reason",
        "plan": "from {source} to {dest}: {count} {steps}",
        "plan_to_start": "to {dest}: {count} {steps}",
        "step": "{number}. {move}",
    },
    states={"won": "won", "lost": "lost", "disqualified": "disqualified"},
    units={
        "day": ("day", "days"),
        "hour": ("hour", "hours"),
        "minute": ("minute", "minutes"),
        "second": ("second", "seconds"),
    },
    negation="not ({})",
    predicate="{} holds",
    at_least="at least {needed} of: {rules}",
    criterion="{label}: {rule}",
    when="{criterion} (when {rule})",
    finding="{name}: expected {expected}, {found}",
    label="{label} ({key})",
    raised="raised {type}",
    found="found {}",
    found_nothing="found nothing yet",
    not_shown="what was found is not shown",
    nothing="nothing",
    true="true",
    false="false",
    are=("is", "are"),
    steps=("step", "steps"),
)


def _as(adjective: str) -> Wording:
    return Wording(f"ist {adjective}", adjective)


GERMAN: Final = Words(
    operators={
        "==": _as("{}"),
        "!=": _as("etwas anderes als {}"),
        "<": _as("weniger als {}"),
        "<=": _as("höchstens {}"),
        ">": _as("mehr als {}"),
        ">=": _as("mindestens {}"),
        "between": Wording("liegt zwischen {} und {}", "einen Wert zwischen {} und {}"),
        "in": _as("eines von {}"),
        "contains": Wording("enthält {}", "etwas, das {} enthält"),
        "matches": Wording("passt zu {}", "etwas, das zu {} passt"),
        "known": Wording("ist bekannt", "einen Wert", "ist nicht bekannt"),
        "true": Wording("ist wahr", "wahr", "ist nicht wahr"),
        "false": Wording("ist falsch", "falsch", "ist nicht falsch"),
    },
    times={
        "<": Wording("liegt vor {}", "einen Zeitpunkt vor {}"),
        "<=": _as("spätestens {}"),
        ">": Wording("liegt nach {}", "einen Zeitpunkt nach {}"),
        ">=": _as("frühestens {}"),
    },
    terms={"fact": "{}", "context": "{} (aus dem Kontext)", "now": "jetzt", "time_in_stage": "Verweildauer"},
    inputs={"context": "{} (aus dem Kontext)", "now": "jetzt", "time_in_stage": "Verweildauer"},
    measures={"count": "die Anzahl von {}", "distinct": "die Anzahl verschiedener Werte von {}"},
    joints={"all": " und ", "any": " oder "},
    empty={"all": "alles von nichts", "any": "eines von nichts"},
    sentences={
        "move": "{trigger} von {source} nach {dest}",
        "start": "{trigger} nach {dest}",
        "allowed": "{move} ist erlaubt",
        "allowed_with_reason": "{move} ist erlaubt, mit Begründung",
        "blocked": "{move} ist gesperrt: {count} von {total} Kriterien {are} nicht erfüllt",
        "errored": "{move} ist nicht entscheidbar: Fehler bei {errored}; "
        "{count} von {total} Kriterien {are} nicht erfüllt",
        "forbidden": "{move} ist für diesen Aufrufer verboten: {count} von {total} Kriterien {are} nicht erfüllt",
        "unknown_trigger": "unbekannter Auslöser {trigger} im Prozess {process}{suggestion}",
        "unknown_target": "unbekannte Stufe {to} im Prozess {process}{suggestion}",
        "unknown_stage": "das Geschäft steht auf der unbekannten Stufe {found} des Prozesses {process}{suggestion}",
        "wrong_version": "das Geschäft läuft unter Version {found} des Prozesses {process}, hier gilt {version}",
        "no_move": "{trigger} führt nicht aus {stage} heraus",
        "no_move_there": "{trigger} führt nicht von {stage} nach {to}",
        "no_way_there": "kein Schritt führt von {stage} nach {to}",
        "closed": "das Geschäft ist {state}: {sentence}",
        "already_there": "das Geschäft steht bereits auf {stage}",
        "not_started": "das Geschäft steht noch auf keiner Stufe: {start} bringt es nach {initial}",
        "no_key": "das Geschäft hat keinen Schlüssel {key} und steht somit noch auf keiner Stufe: "
        "{start} bringt es nach {initial}",
        "started": "das Geschäft hat bereits begonnen: es steht auf {stage}",
        "stale_stage": "das Geschäft steht auf {stage}, nicht wie erwartet auf {expected}: bitte neu laden",
        "stale_number": "das Geschäft ist bei Änderung {found}, nicht wie erwartet bei Änderung {expected}: "
        "bitte neu laden",
        "ambiguous_target": "{trigger} führt von {stage} nach {targets}: bitte die Stufe mit to= angeben",
        "ambiguous_trigger": "{triggers} führen alle von {stage} nach {to}: bitte den Auslöser angeben",
        "needs_reason": "{move} braucht eine Begründung: bitte mit reason= angeben",
        "needs_listed_reason": "{move} braucht eine dieser Begründungen: {reasons}",
        "unlisted_reason": "{move} braucht eine Begründung aus der Liste: unbekannte Begründung {reason}{suggestion}",
        "vetoed": "{move} wurde abgelehnt: {why}",
        "no_plan": "keine Schritte führen von {stage} nach {to}",
        "did_you_mean": "; meinten Sie {}?",
        "there_are": "; es gibt {}",
        "there_are_none": "; es gibt keine",
        "and_more": " und {} weitere",
        "advice": "Hinweis: {finding}",
        "other_moves": "Andere Schritte von {source}: {moves}",
        "other_moves_to_start": "Andere Schritte: {moves}",
        "alternative": "{trigger} nach {dest}",
        "if_met": "falls die Kriterien erfüllt sind",
        "with_a_reason": "mit Begründung",
        "plan": "von {source} nach {dest}: {count} {steps}",
        "plan_to_start": "nach {dest}: {count} {steps}",
        "step": "{number}. {move}",
    },
    states={"won": "gewonnen", "lost": "verloren", "disqualified": "disqualifiziert"},
    units={
        "day": ("Tag", "Tage"),
        "hour": ("Stunde", "Stunden"),
        "minute": ("Minute", "Minuten"),
        "second": ("Sekunde", "Sekunden"),
    },
    negation="nicht ({})",
    predicate="{} ist erfüllt",
    at_least="mindestens {needed} von: {rules}",
    criterion="{label}: {rule}",
    when="{criterion} (falls {rule})",
    finding="{name}: erwartet {expected}, {found}",
    label="{label} ({key})",
    raised="Fehler {type}",
    found="gefunden {}",
    found_nothing="noch nichts gefunden",
    not_shown="der gefundene Wert ist vertraulich",
    nothing="nichts",
    true="wahr",
    false="falsch",
    are=("ist", "sind"),
    steps=("Schritt", "Schritte"),
    marks=(".", ","),
    separator="; ",
    quote="„{}“".format,
    date=lambda day: f"{day:%d.%m.%Y}",
    moment=lambda moment: f"{moment:%d.%m.%Y %H:%M:%S} {moment:%Z}".rstrip(),
)
