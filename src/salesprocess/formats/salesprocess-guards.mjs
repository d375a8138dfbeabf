// The criteria of a sales process, as the Python library `salesprocess` stores them, asked in JavaScript.
//
//   import { createMachine } from "xstate";
//   import { guards } from "./salesprocess-guards.mjs";
//   const machine = createMachine({ ...config, context: deal }).provide({ guards: guards() });
//   actor.send({ type: "advance", facts: deal, at: new Date(), reason: "...", context: { role: "manager" } });
//
// Times are Date objects, ISO texts or milliseconds since 1970; dates are texts such as "2026-03-31"; lengths of
// time are seconds. A guard that throws is not passed.

const MET = "met", UNMET = "unmet", UNKNOWN = "unknown";

/** The guards that an exported machine names; `predicates` are the host's functions of the facts, by name. */
export function guards(predicates = {}) {
  return {
    "salesprocess.gate": ({ context, event }, params) => {
      if (event.to !== undefined && event.to !== params.dest) return false;
      if (params.needs_reason && !event.reason) return false;
      if (params.reasons && !params.reasons.includes(event.reason)) return false;
      const given = { at: event.at, context: event.context ?? {}, predicates };
      return passes(params.criteria ?? [], event.facts ?? context, given);
    },
  };
}

/** Whether every required criterion is met. */
export function passes(criteria, facts, given = {}) {
  return criteria.every((each) => each.severity === "advisory" || answer(each, facts, given) === MET);
}

/** What a criterion comes to: "met", "unmet", "unknown" or "errored". */
export function answer(criterion, facts, given = {}) {
  try {
    const applies = criterion.when ? status(criterion.when, facts, given) : MET;
    if (applies === UNMET) return MET;
    const found = status(criterion.rule, facts, given);
    return applies === UNKNOWN && found === UNMET ? UNKNOWN : found;
  } catch {
    return "errored";
  }
}

/** What a rule comes to; it throws where Python would. */
export function status(rule, facts, given = {}) {
  const of = (rules) => rules.map((each) => status(each, facts, given));
  if ("all" in rule) return atLeast(rule.all.length, of(rule.all));
  if ("any" in rule) return atLeast(1, of(rule.any));
  if ("at_least" in rule) return atLeast(rule.at_least, of(rule.of));
  if ("not" in rule) return { met: UNMET, unmet: MET, unknown: UNKNOWN }[status(rule.not, facts, given)];
  if ("predicate" in rule) return ofPredicate(given.predicates?.[rule.predicate], rule.predicate, facts);
  return compare(rule, facts, given);
}

function atLeast(needed, found) {
  const met = found.filter((each) => each === MET).length;
  const unknown = found.filter((each) => each === UNKNOWN).length;
  if (met >= needed) return MET;
  return met + unknown >= needed ? UNKNOWN : UNMET;
}

function ofPredicate(holds, name, facts) {
  if (typeof holds !== "function") throw new TypeError(`no predicate ${name}`);
  const found = holds(facts);
  return missing(found) ? UNKNOWN : found ? MET : UNMET;
}

function compare(rule, facts, given) {
  const raw = read(rule, facts, given);
  if (rule.op === "known") return missing(raw) ? UNMET : MET;
  const isTerm = rule.value !== null && typeof rule.value === "object" && !Array.isArray(rule.value) && named(rule.value);
  const other = isTerm ? measured(rule.value, read(rule.value, facts, given)) : rule.value;
  if (missing(raw) || (isTerm && missing(other))) return UNKNOWN;
  const value = measured(rule, raw);
  return holds(rule.op, value, other, "now" in rule || (isTerm && "now" in rule.value)) ? MET : UNMET;
}

const missing = (value) => value === null || value === undefined || Number.isNaN(value);
const named = (term) => ["fact", "context", "now", "time_in_stage"].some((name) => name in term);

function read(term, facts, given) {
  if ("fact" in term) return path(facts, term.fact);
  if ("context" in term) return path(given.context, term.context);
  const now = moment(given.at ?? Date.now());
  if ("now" in term) return now;
  const entered = path(facts, "entered_at");
  return missing(entered) ? null : (now - moment(entered)) / 1000;
}

function path(owner, names) {
  for (const name of names.split(".")) {
    // Own properties alone: every object has a `constructor`, and none of them is a fact.
    if (missing(owner) || typeof owner !== "object" || !Object.hasOwn(owner, name)) return null;
    owner = owner[name];
  }
  return owner;
}

function measured(term, value) {
  if (!term.measure || missing(value)) return value;
  if (!Array.isArray(value)) throw new TypeError("a measure is of a list");
  const known = value.filter((each) => !missing(each));
  return term.measure === "count" ? known.length : new Set(known).size;
}

function holds(op, value, other, isTime) {
  switch (op) {
    case "true": return truth(value);
    case "false": return !truth(value);
    case "==": return equal(value, other, isTime);
    case "!=": return !equal(value, other, isTime);
    case "between": return order(value, other[0], isTime) >= 0 && order(value, other[1], isTime) <= 0;
    case "in": return among(other.map((each) => [value, each]));
    case "contains": return contains(value, other);
    case "matches": return matches([...text(value)], other.match(/\[[*?[]\]|./gsu) ?? []);
    default: return ordered(op, order(value, other, isTime));
  }
}

const truth = (value) => (Array.isArray(value) ? value.length > 0 : Boolean(value));

function moment(value) {
  if (value instanceof Date) return value.getTime();
  if (typeof value === "number") return value;
  // A Date has milliseconds; the digits behind them count as well.
  const micro = /\.\d{3}(\d+)/.exec(value)?.[1] ?? "";
  const parsed = Date.parse(value);
  if (Number.isNaN(parsed)) throw new TypeError(`no time: ${value}`);
  return parsed + Number(`0.${micro || 0}`);
}

/** Both sides in one type: a stored literal says what it is, and the fact follows it. */
function alike(value, other, isTime) {
  if (isTime) return [moment(value), moment(other?.datetime ?? other)];
  if (other === null || typeof other !== "object") return [value, other];
  if (other instanceof Date) return [moment(value), moment(other)];
  if ("datetime" in other) return [moment(value), moment(other.datetime)];
  if ("decimal" in other) return [value, Number(other.decimal)];
  return [value, other.date ?? other.seconds];
}

function equal(value, other, isTime) {
  const [a, b] = alike(value, other, isTime);
  if (typeof a !== typeof b) throw new TypeError(`${a} cannot be compared with ${b}`);
  return a === b;
}

/** Whether two sides of one pair are equal; what can be compared in no pair is an error. */
function among(pairs) {
  let refused = null, compared = false;
  for (const [value, other] of pairs) {
    try {
      if (equal(value, other)) return true;
      compared = true;
    } catch (error) {
      refused ??= error;
    }
  }
  if (refused && !compared) throw refused;
  return false;
}

function contains(held, item) {
  if (typeof held === "string") return held.includes(text(item));
  if (!Array.isArray(held)) throw new TypeError("neither a list nor a text");
  return among(held.filter((each) => !missing(each)).map((each) => [each, item]));
}

function text(value) {
  if (typeof value !== "string") throw new TypeError("no text");
  return value;
}

function order(value, other, isTime) {
  const [a, b] = alike(value, other, isTime);
  if (typeof a === "string" && typeof b === "string") return inOrder([...a].map((each) => each.codePointAt(0)), [...b].map((each) => each.codePointAt(0)));
  if (typeof a !== typeof b || !["number", "boolean"].includes(typeof a)) throw new TypeError(`no order between ${a} and ${b}`);
  return a < b ? -1 : a > b ? 1 : 0;
}

function inOrder(a, b) {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

function ordered(op, sign) {
  const answers = { "<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0 };
  if (!(op in answers)) throw new TypeError(`no operator ${op}`);
  return answers[op];
}

/** A pattern of `*` and `?`, without backtracking further than to the last star. */
/** The character that a part of a pattern stands for: `[*]` is a star, and `*` is any text. */
const letter = (part) => (part.length === 3 ? part[1] : part);

function matches(letters, glob) {
  let at = 0, in_glob = 0, star = -1, from = 0;
  while (at < letters.length) {
    if (in_glob < glob.length && glob[in_glob] === "*") {
      [star, from] = [in_glob, at];
      in_glob += 1;
    } else if (in_glob < glob.length && (glob[in_glob] === "?" || letter(glob[in_glob]) === letters[at])) {
      at += 1;
      in_glob += 1;
    } else if (star >= 0) {
      from += 1;
      [at, in_glob] = [from, star + 1];
    } else {
      return false;
    }
  }
  return glob.slice(in_glob).every((each) => each === "*");
}
