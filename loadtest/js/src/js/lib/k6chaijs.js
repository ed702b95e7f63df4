// What scripts import from https://jslib.k6.io/k6chaijs/: Chai's `expect`, each assertion of which is a check, and
// `describe`, a group that catches what its body throws.
import { check, group } from 'k6';

const config = { truncateMsgThreshold: 300, truncateVariableThreshold: 100, aggregateChecks: true, logFailures: false };

export class AssertionError extends Error {
  constructor(message) {
    super(message);
    this.name = 'AssertionError';
  }
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most)}...` : text);

function type(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Error) return 'error';
  if (typeof value !== 'object') return typeof value;
  return Object.prototype.toString.call(value).slice(8, -1).toLowerCase();
}

/** Characters of a value within a sentence. */
const WIDTH = 40;

/** What fits, and how many more there are. */
function list(items, show, width) {
  let text = '';
  for (let i = 0; i < items.length; i += 1) {
    const left = items.length - i;
    const item = show(items[i], width - text.length - (left > 1 ? 2 : 0)) + (left > 1 ? ', ' : '');
    const more = left > 1 ? `…(${left - 1})`.length : 0;
    if (text.length + item.length + more > width) return `${text}…(${left})`;
    text += item;
  }
  return text;
}

function inspect(value, width = WIDTH) {
  const short = (text) => (text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text);
  switch (type(value)) {
    case 'string': {
      const text = value.replace(/\n/g, '\\n');
      return `'${text.length > width - 2 ? `${text.slice(0, Math.max(0, width - 3))}…` : text}'`;
    }
    case 'function': return short(value.name ? `[Function ${value.name}]` : '[Function]');
    case 'symbol': return value.toString();
    case 'bigint': return short(`${value}n`);
    case 'regexp': return short(String(value));
    case 'date': return value.toISOString();
    case 'error': return short(`${value.name}: ${value.message}`);
    case 'array': return value.length === 0 ? '[]' : `[ ${list(value, inspect, width - 4)} ]`;
    case 'object': {
      const pair = ([key, one], left) => {
        const label = /^[a-z$_][a-z$_0-9]*$/i.test(key) ? key : `'${key}'`;
        return `${label}: ${inspect(one, left - label.length - 2)}`;
      };
      const entries = Object.entries(value);
      return entries.length === 0 ? '{}' : `{ ${list(entries, pair, width - 4)} }`;
    }
    default: return short(String(value));
  }
}

function equal(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || type(a) !== type(b)) return false;
  if (a instanceof Date || a instanceof RegExp) return String(a) === String(b) && +a === +b || a instanceof RegExp && String(a) === String(b);
  if (a instanceof Map || a instanceof Set) return equal([...a], [...b]);
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}

const article = (name) => (/^[aeiou]/i.test(name) ? `an ${name}` : `a ${name}`);
const listed = (names, word) => {
  const all = names.map((name) => inspect(name));
  return all.length > 1 ? `${all.slice(0, -1).join(', ')}, ${word} ${all[all.length - 1]}` : all[0];
};

function reach(object, path) {
  const steps = String(path).replace(/\[(\d+)\]/g, '.$1').replace(/\\([.[\]])/g, '$1').split('.').filter((step) => step !== '');
  let holder = object, there = true;
  steps.forEach((step) => {
    there = there && holder !== null && holder !== undefined && step in Object(holder);
    holder = there ? holder[step] : undefined;
  });
  return [there, holder];
}

class Assertion {
  constructor(value, name, flags = {}) {
    this.value = value;
    this.name = name;
    this.flags = flags;
  }

  with(flags) {
    return new Assertion(this.value, this.name, { ...this.flags, ...flags });
  }

  /** What the sentence takes for granted is a check of its own, never negated. */
  first(value, ...claim) {
    new Assertion(value, this.name).assert(...claim);
  }

  /** Another subject in the same sentence. */
  on(value) {
    return new Assertion(value, this.name, this.flags);
  }

  /** Records a check named by the sentence, and throws where it does not hold. */
  assert(holds, message, negated, actual) {
    const passed = this.flags.not ? !holds : !!holds;
    const told = actual === undefined ? this.value : actual;
    const filled = (subject, got) => (this.flags.not ? negated : message).replace('#{this}', () => subject).replace('#{act}', () => got);
    const variable = (value) => cut(inspect(value), config.truncateVariableThreshold);
    const sentence = config.aggregateChecks
      ? filled(this.name ?? '${this}', '${actual}')
      : filled(this.name ?? variable(this.value), variable(told));
    check(null, { [cut(sentence, config.truncateMsgThreshold).replaceAll('::', ': :')]: passed });
    if (!passed) {
      if (config.logFailures) console.warn(`${sentence} (${variable(told)})`);
      throw new AssertionError(filled(inspect(this.value), inspect(told)));
    }
    return this;
  }
}

const kindOf = (name) => (value) => [type(value) === name, `expected #{this} to be ${article(name)}`];
const isFunction = kindOf('function'), isArray = kindOf('array'), isNumber = kindOf('number'), isString = kindOf('string');
const hasLength = (value) => [value !== null && value !== undefined && Object(value).length !== undefined, "expected #{this} to have property 'length'"];
const lengthy = (it) => { if (!(it.value instanceof Map || it.value instanceof Set)) it.first(it.value, ...hasLength(it.value)); };

const say = (text) => [`expected #{this} to ${text}`, `expected #{this} to not ${text}`];
const words = ['to', 'be', 'been', 'is', 'that', 'which', 'and', 'has', 'have', 'with', 'at', 'of', 'same', 'but', 'does', 'still', 'also'];
const flags = { not: {}, deep: {}, nested: {}, own: {}, ordered: {}, any: { all: false }, all: { any: false }, itself: {} };

const facts = {
  ok: [(v) => v, 'be truthy'], true: [(v) => v === true, 'be true'], false: [(v) => v === false, 'be false'],
  null: [(v) => v === null, 'be null'], undefined: [(v) => v === undefined, 'be undefined'], NaN: [(v) => Number.isNaN(v), 'be NaN'],
  exist: [(v) => v !== null && v !== undefined, 'exist'], finite: [(v) => Number.isFinite(v), 'be a finite number'],
  extensible: [(v) => Object.isExtensible(v), 'be extensible'], sealed: [(v) => Object.isSealed(v), 'be sealed'],
  frozen: [(v) => Object.isFrozen(v), 'be frozen'], arguments: [(v) => type(v) === 'arguments', 'be arguments'],
  empty: [(v) => (v?.size ?? v?.length ?? Object.keys(Object(v)).length) === 0, 'be empty'],
};

const measured = (it) => (it.flags.length ? it.value.length ?? it.value.size : it.value);
function compare(holds, plain, long) {
  return (it, bound) => {
    if (it.flags.length) lengthy(it);
    const value = measured(it);
    const text = it.flags.length ? [`expected #{this} to have a length ${long} ${inspect(bound)} got #{act}`, `expected #{this} to not have a length ${long} ${inspect(bound)}`] : say(`be ${plain} ${inspect(bound)}`);
    return it.assert(holds(value, bound), ...text, value);
  };
}

function includes(it, wanted) {
  const { value, flags: { deep } } = it;
  const same = deep ? equal : (a, b) => a === b || Number.isNaN(a) && Number.isNaN(b);
  let holds;
  if (typeof value === 'string') holds = value.includes(wanted);
  else if (value instanceof Map) holds = [...value.values()].some((one) => same(one, wanted));
  else if (value instanceof Set || Array.isArray(value)) holds = [...value].some((one) => same(one, wanted));
  else {
    const entries = Object.entries(Object(wanted));
    const wrong = [];
    for (const [key, one] of entries) {
      try { property(it, key, one); } catch (error) {
        if (!it.flags.not || !(error instanceof AssertionError)) throw error;
        wrong.push(error);
      }
    }
    // Not to include an object is to lack one of its properties.
    if (wrong.length > 0 && wrong.length === entries.length) throw wrong[0];
    return it;
  }
  return it.assert(holds, ...say(`${deep ? 'deep ' : ''}include ${inspect(wanted)}`));
}

function property(it, name, ...wanted) {
  if (it.value === null || it.value === undefined) throw new AssertionError('Target cannot be null or undefined.');
  const [there, got] = it.flags.nested ? reach(it.value, name)
    : [it.flags.own ? Object.hasOwn(Object(it.value), name) : it.value !== null && it.value !== undefined && name in Object(it.value), it.value?.[name]];
  const label = `${it.flags.deep ? 'deep ' : ''}${it.flags.nested ? 'nested ' : ''}${it.flags.own ? 'own ' : ''}property ${inspect(name)}`;
  if (wanted.length === 0 || !it.flags.not) it.assert(there, ...say(`have ${label}`));
  if (wanted.length > 0) {
    const holds = there && (it.flags.deep ? equal(got, wanted[0]) : got === wanted[0]);
    it.assert(holds, `expected #{this} to have ${label} of ${inspect(wanted[0])}, got #{act}`, `expected #{this} to not have ${label} of #{act}`, got);
  }
  return it.on(got);
}

function keys(it, ...given) {
  const wanted = given.length === 1 && typeof given[0] === 'object' ? (Array.isArray(given[0]) ? given[0] : Object.keys(given[0])) : given;
  const got = it.value instanceof Map || it.value instanceof Set ? [...it.value.keys()] : Object.keys(Object(it.value));
  const has = (key) => got.some((one) => (it.flags.deep ? equal(one, key) : one === key || one === String(key)));
  const holds = it.flags.any ? wanted.some(has) : wanted.every(has) && (it.flags.contains || got.length === wanted.length);
  const text = `${it.flags.contains ? 'contain' : 'have'} ${wanted.length > 1 ? 'keys' : 'key'} ${listed(wanted, it.flags.any ? 'or' : 'and')}`;
  return it.assert(holds, ...say(text));
}

function throws(it, kind, part) {
  it.first(it.value, ...isFunction(it.value));
  let thrown, threw = false;
  try { it.value(); } catch (error) { thrown = error; threw = true; }
  const [error, message] = typeof kind === 'string' || kind instanceof RegExp ? [undefined, kind] : [kind, part];
  const text = thrown?.message ?? String(thrown);
  const right = error === undefined || (typeof error === 'function' ? thrown instanceof error : thrown === error);
  const says = message === undefined || (message instanceof RegExp ? message.test(text) : text.includes(message));
  const what = error === undefined ? 'an error' : typeof error === 'function' ? error.name : inspect(error);
  const alone = error === undefined && message === undefined;
  // That it throws at all is a check; whether it is the right error only where it is not.
  if (alone || !it.flags.not) it.assert(threw, `expected #{this} to throw ${what}`, `expected #{this} to not throw ${what} #{act} was thrown`, thrown);
  if (threw && !alone && right === !!it.flags.not && error !== undefined) it.assert(right, `expected #{this} to throw '${what}' #{act} was thrown`, `expected #{this} to not throw '${what}' #{act} was thrown`, thrown);
  if (threw && message !== undefined && says === !!it.flags.not) {
    const how = `throw error ${message instanceof RegExp ? 'matching' : 'including'} ${inspect(message)}`;
    it.assert(says, `expected #{this} to ${how} got #{act}`, `expected #{this} to not ${how}`, text);
  }
  return it.on(thrown);
}

function members(it, wanted) {
  it.first(it.value, ...isArray(it.value));
  it.first(wanted, ...isArray(wanted));
  const same = it.flags.deep ? equal : Object.is;
  const left = [...wanted];
  let holds = Array.isArray(it.value);
  if (holds && it.flags.ordered) holds = wanted.every((one, i) => same(it.value[i], one)) && (it.flags.contains || it.value.length === wanted.length);
  else if (holds && it.flags.contains) holds = wanted.every((one) => it.value.some((got) => same(got, one)));
  else if (holds) {
    holds = it.value.length === wanted.length && it.value.every((got) => {
      const at = left.findIndex((one) => same(got, one));
      if (at >= 0) left.splice(at, 1);
      return at >= 0;
    });
  }
  const order = it.flags.ordered ? 'ordered ' : '';
  return it.assert(holds, ...say(it.flags.contains ? `be ${it.flags.ordered ? 'an ordered' : 'a'} superset of ${inspect(wanted)}` : `have the same ${order}members as ${inspect(wanted)}`));
}

function changed(sign, verb) {
  return (it, subject, name) => {
    it.first(it.value, ...isFunction(it.value));
    if (name === undefined) it.first(subject, ...isFunction(subject));
    else it.first(subject, name in Object(subject), `expected #{this} to have property ${inspect(name)}`);
    const read = () => (name === undefined ? subject() : subject[name]);
    const before = read();
    if (sign !== 0) it.first(before, ...isNumber(before));
    it.value();
    const delta = read() - before;
    const holds = sign === 0 ? read() !== before : delta * sign > 0;
    const what = name === undefined ? String(before) : `.${name}`;
    it.assert(holds, `expected ${what} to ${verb}`, `expected ${what} to not ${verb}`);
    return it.with({ delta: Math.abs(delta), changed: what, verb });
  };
}

const methods = {
  a: (it, name) => it.assert(type(it.value) === name.toLowerCase(), ...say(`be ${article(name)}`)),
  equal: (it, other) => it.flags.deep ? methods.eql(it, other) : it.assert(it.value === other, ...say(`equal ${inspect(other)}`)),
  eql: (it, other) => it.assert(equal(it.value, other), ...say(`deeply equal ${inspect(other)}`)),
  above: compare((a, b) => a > b, 'above', 'above'), least: compare((a, b) => a >= b, 'at least', 'at least'),
  below: compare((a, b) => a < b, 'below', 'below'), most: compare((a, b) => a <= b, 'at most', 'at most'),
  within: (it, low, high) => {
    if (it.flags.length) lengthy(it);
    const value = measured(it);
    return it.assert(value >= low && value <= high, ...say(it.flags.length ? `have a length within ${low}..${high}` : `be within ${low}..${high}`), value);
  },
  instanceof: (it, kind) => it.assert(it.value instanceof kind, ...say(`be an instance of ${kind.name}`)),
  property, keys, members, throw: throws,
  include: includes,
  ownPropertyDescriptor: (it, name, wanted) => {
    const got = Object.getOwnPropertyDescriptor(Object(it.value), name);
    it.assert(got !== undefined && (wanted === undefined || equal(got, wanted)), ...say(`have an own property descriptor for ${inspect(name)}`));
    return it.on(got);
  },
  lengthOf: (it, size) => {
    lengthy(it);
    const got = it.value?.length ?? it.value?.size;
    const measure = it.value instanceof Map || it.value instanceof Set ? 'size' : 'length';
    return it.assert(got === size, `expected #{this} to have a ${measure} of ${inspect(size)} got #{act}`, `expected #{this} to not have a ${measure} of #{act}`, got);
  },
  match: (it, pattern) => it.assert(pattern.test(it.value), ...say(`match ${pattern}`)),
  string: (it, part) => it.first(it.value, ...isString(it.value)) ?? it.assert(String(it.value).includes(part), ...say(`contain ${inspect(part)}`)),
  respondTo: (it, name) => {
    const holder = typeof it.value === 'function' && !it.flags.itself ? it.value.prototype : it.value;
    return it.assert(typeof holder?.[name] === 'function', ...say(`respond to ${inspect(name)}`));
  },
  satisfy: (it, test) => it.assert(test(it.value), ...say(`satisfy ${inspect(test)}`)),
  closeTo: (it, wanted, delta) => it.first(it.value, ...isNumber(it.value)) ?? it.assert(Math.abs(it.value - wanted) <= delta, ...say(`be close to ${wanted} +/- ${delta}`)),
  oneOf: (it, list) => {
    it.first(list, ...isArray(list));
    const same = it.flags.deep ? equal : (a, b) => a === b;
    const holds = it.flags.contains ? list.some((one) => it.value.includes(one)) : list.some((one) => same(it.value, one));
    return it.assert(holds, ...say(it.flags.contains ? `contain one of ${inspect(list)}` : `be one of ${inspect(list)}`));
  },
  change: changed(0, 'change'), increase: changed(1, 'increase'), decrease: changed(-1, 'decrease'),
  by: (it, delta) => it.assert(it.flags.delta === delta, `expected ${it.flags.changed} to ${it.flags.verb} by ${delta}`, `expected ${it.flags.changed} to not ${it.flags.verb} by ${delta}`),
  validJsonBody: (it) => {
    let valid = true;
    try { it.value.json(); } catch { valid = false; }
    return it.assert(valid, 'has valid json body', 'has no valid json body');
  },
};
for (const [name, of] of Object.entries({
  an: 'a', equals: 'equal', eq: 'equal', eqls: 'eql', gt: 'above', greaterThan: 'above', gte: 'least', greaterThanOrEqual: 'least',
  lt: 'below', lessThan: 'below', lte: 'most', lessThanOrEqual: 'most', instanceOf: 'instanceof', contain: 'include', contains: 'include',
  includes: 'include', haveOwnPropertyDescriptor: 'ownPropertyDescriptor', length: 'lengthOf', matches: 'match', key: 'keys', throws: 'throw',
  Throw: 'throw', respondsTo: 'respondTo', satisfies: 'satisfy', approximately: 'closeTo', changes: 'change', increases: 'increase', decreases: 'decrease',
})) methods[name] = methods[of];
for (const name of ['ownProperty', 'haveOwnProperty']) methods[name] = (it, key, ...wanted) => property(it.with({ own: true }), key, ...wanted);

/** How many values a method takes before a name. */
const takes = { within: 2, closeTo: 2, approximately: 2, property: 2, ownProperty: 2 };
for (const name of [
  'a', 'an', 'equal', 'equals', 'eq', 'eql', 'eqls', 'above', 'gt', 'greaterThan', 'least', 'gte', 'greaterThanOrEqual', 'below', 'lt',
  'lessThan', 'most', 'lte', 'lessThanOrEqual', 'instanceof', 'instanceOf', 'include', 'includes', 'contain', 'contains', 'lengthOf',
  'length', 'match', 'matches', 'string', 'members', 'oneOf', 'satisfy', 'satisfies', 'respondTo', 'respondsTo',
]) takes[name] = 1;

/** Words after which a sentence may also go on without a call, such as `include.members` or `lengthOf.above`. */
const chained = { a: {}, an: {}, include: { contains: true }, includes: { contains: true }, contain: { contains: true }, contains: { contains: true }, lengthOf: { length: true }, length: { length: true } };

function get(target, word) {
  if (typeof word !== 'string') return undefined;
  const { it } = target;
  if (words.includes(word)) return chain(it);
  if (flags[word] !== undefined) return chain(it.with({ ...flags[word], [word]: true }));
  const fact = facts[word] ?? (word === 'exists' ? facts.exist : undefined);
  if (fact !== undefined) {
    it.assert(fact[0](it.value), ...say(fact[1]));
    // Both `be.true` and `be.true()` are in use.
    return chain(it, () => chain(it));
  }
  const method = methods[word];
  if (method === undefined) {
    if (word === 'then' || word === 'toJSON') return undefined;
    throw new Error(`Invalid Chai property: ${word}`);
  }
  return chain(it.with(chained[word] ?? {}), (...given) => {
    // A text after what the method takes names the sentence.
    const named = given.length > (takes[word] ?? Infinity) ? new Assertion(it.value, given[takes[word]], it.flags) : it;
    return chain(method(named, ...given.slice(0, takes[word])));
  });
}

function chain(it, call) {
  const target = call ?? (() => { throw new Error('this part of a sentence is no function'); });
  return new Proxy(target, { get: (_, word) => get({ it }, word) });
}

export function expect(value, name) {
  return chain(new Assertion(value, name));
}
expect.fail = (message = 'expect.fail()') => { throw new AssertionError(message); };

export function describe(name, body) {
  let success = true;
  group(name, () => {
    try {
      body();
    } catch (error) {
      success = false;
      if (!(error instanceof AssertionError)) {
        const text = cut(`Exception raised "${error}"`, config.truncateMsgThreshold);
        check(null, { [text.replaceAll('::', ': :')]: false });
        console.error(`Exception raised in test "${name}". Failing the test and continuing. \n${error}`);
      }
    }
  });
  return success;
}

export const chai = { config, expect, describe, AssertionError };
export { config };
export default chai;
