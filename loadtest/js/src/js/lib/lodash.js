// What scripts use most of lodash, by the same names. A function that is not here says so when it is called.

const isObject = (value) => value !== null && (typeof value === 'object' || typeof value === 'function');
const isPlainObject = (value) => isObject(value) && [null, Object.prototype].includes(Object.getPrototypeOf(value));
const isArrayLike = (value) => value !== null && value !== undefined && typeof value !== 'function' && Number.isInteger(value.length);
const list = (value) => (value === null || value === undefined ? [] : isArrayLike(value) ? Array.from(value) : Object.values(value));
const path = (value) => (Array.isArray(value) ? value.map(String) : String(value).split(/[.[\]]+/).filter((part) => part !== ''));
const entries = (value) => (isArrayLike(value) ? Array.from(value, (item, i) => [i, item]) : Object.entries(value ?? {}));

function get(object, where, fallback) {
  let value = object;
  for (const part of path(where)) {
    if (value === null || value === undefined) return fallback;
    value = value[part];
  }
  return value === undefined ? fallback : value;
}

function set(object, where, value) {
  const parts = path(where);
  let at = object;
  parts.forEach((part, i) => {
    if (i === parts.length - 1) at[part] = value;
    else at = at[part] = isObject(at[part]) ? at[part] : /^\d+$/.test(parts[i + 1]) ? [] : {};
  });
  return object;
}

function isEqual(a, b) {
  if (Object.is(a, b) || (a === 0 && b === 0)) return true;
  if (!isObject(a) || !isObject(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Map || a instanceof Set) return isEqual([...a], [...b]);
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}

const matches = (source) => (value) => isObject(value)
  && Object.entries(source).every(([key, wanted]) => (isObject(wanted) ? matches(wanted)(value[key]) : isEqual(value[key], wanted)));

// lodash's shorthands: a function, a path, an object to match, a pair of path and value.
function iteratee(how) {
  if (how === undefined || how === null) return (value) => value;
  if (typeof how === 'function') return how;
  if (Array.isArray(how)) return (value) => isEqual(get(value, how[0]), how[1]);
  if (typeof how === 'object') return matches(how);
  return (value) => get(value, how);
}

function cloneDeep(value) {
  if (!isObject(value) || typeof value === 'function') return value;
  if (Array.isArray(value)) return value.map(cloneDeep);
  if (value instanceof Date) return new Date(value);
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [cloneDeep(k), cloneDeep(v)]));
  if (value instanceof Set) return new Set([...value].map(cloneDeep));
  return Object.assign(Object.create(Object.getPrototypeOf(value)), Object.fromEntries(Object.entries(value).map(([k, v]) => [k, cloneDeep(v)])));
}

function merge(target, ...sources) {
  for (const source of sources) {
    for (const [key, value] of Object.entries(source ?? {})) {
      if (isPlainObject(value) || Array.isArray(value)) {
        target[key] = merge(isObject(target[key]) ? target[key] : Array.isArray(value) ? [] : {}, value);
      } else if (value !== undefined) target[key] = value;
    }
  }
  return target;
}

const compare = (a, b) => (a === b ? 0 : a === undefined || a > b ? 1 : -1);
function orderBy(values, how, orders = []) {
  const keys = [].concat(how ?? [undefined]).map(iteratee);
  return list(values).sort((a, b) => {
    for (const [i, key] of keys.entries()) {
      const order = compare(key(a), key(b));
      if (order !== 0) return [].concat(orders)[i] === 'desc' ? -order : order;
    }
    return 0;
  });
}

function group(values, how, add, start) {
  const key = iteratee(how), groups = {};
  list(values).forEach((value) => { const k = key(value); groups[k] = add(groups[k] ?? start(), value); });
  return groups;
}

const words = (text) => String(text ?? '').match(/[A-Z]{2,}(?=[A-Z][a-z]|[^A-Za-z]|$)|[A-Z]?[a-z]+|[A-Z]+|\d+/g) ?? [];
const upperFirst = (text) => { const t = String(text ?? ''); return t.charAt(0).toUpperCase() + t.slice(1); };
const capitalize = (text) => upperFirst(String(text ?? '').toLowerCase());
const flattenDepth = (values, depth) => list(values).flat(depth);
const random = (low = 0, high, floating) => {
  if (typeof high === 'boolean' || high === undefined) return high === undefined && low === 0 ? random(0, 1) : random(0, low, high);
  const [from, to] = low <= high ? [low, high] : [high, low];
  const fractional = floating || !Number.isInteger(from) || !Number.isInteger(to);
  return fractional ? from + Math.random() * (to - from) : from + Math.floor(Math.random() * (to - from + 1));
};
function shuffle(values) {
  const items = list(values);
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = random(0, i);
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}
function range(start, end, step) {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const by = step ?? (from < to ? 1 : -1);
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / (by || 1))) }, (_, i) => from + i * by);
}
const uniqBy = (values, how) => {
  const key = iteratee(how), seen = new Set();
  return list(values).filter((value) => { const k = key(value); return !seen.has(k) && seen.add(k); });
};
const picked = (object, keep) => Object.fromEntries(Object.entries(object ?? {}).filter(([key, value]) => keep(value, key)));
const sumBy = (values, how) => list(values).reduce((sum, value) => sum + iteratee(how)(value), 0);
const bestBy = (values, how, better) => list(values).reduce((best, value) => {
  const key = iteratee(how)(value);
  return best === undefined || better(key, best.key) ? { key, value } : best;
}, undefined)?.value;

const _ = {
  assign: Object.assign, camelCase: (t) => words(t).map((w, i) => (i === 0 ? w.toLowerCase() : capitalize(w))).join(''), capitalize,
  chunk: (values, size = 1) => range(0, Math.ceil(list(values).length / size)).map((i) => list(values).slice(i * size, (i + 1) * size)),
  clamp: (n, low, high) => (high === undefined ? Math.min(n, low) : Math.min(Math.max(n, low), high)),
  clone: (value) => (Array.isArray(value) ? [...value] : isPlainObject(value) ? { ...value } : cloneDeep(value)), cloneDeep,
  compact: (values) => list(values).filter(Boolean), concat: (values, ...more) => [].concat(values, ...more),
  constant: (value) => () => value, countBy: (values, how) => group(values, how, (n) => n + 1, () => 0),
  defaults: (target, ...sources) => { sources.forEach((s) => Object.entries(s ?? {}).forEach(([k, v]) => { target[k] ??= v; })); return target; },
  difference: (values, ...others) => list(values).filter((value) => !others.flat().includes(value)),
  drop: (values, n = 1) => list(values).slice(n), endsWith: (text, end) => String(text).endsWith(end),
  every: (values, how) => entries(values).every(([k, v]) => iteratee(how)(v, k)),
  fill: (array, value, start, end) => array.fill(value, start, end),
  filter: (values, how) => entries(values).filter(([k, v]) => iteratee(how)(v, k)).map(([, v]) => v),
  find: (values, how) => (entries(values).find(([k, v]) => iteratee(how)(v, k)) ?? [])[1],
  findIndex: (values, how) => list(values).findIndex(iteratee(how)), findKey: (object, how) => Object.keys(object ?? {}).find((k) => iteratee(how)(object[k], k)),
  first: (values) => list(values)[0], flatMap: (values, how) => list(values).flatMap(iteratee(how)), flatten: (values) => flattenDepth(values, 1),
  flattenDeep: (values) => flattenDepth(values, Infinity), flattenDepth,
  forEach: (values, how) => { for (const [k, v] of entries(values)) if (how(v, k) === false) break; return values; },
  fromPairs: (pairs) => Object.fromEntries(pairs), get, groupBy: (values, how) => group(values, how, (all, value) => [...all, value], () => []),
  has: (object, where) => { const parts = path(where), last = parts.pop(), at = parts.length > 0 ? get(object, parts) : object; return isObject(at) && Object.hasOwn(at, last); },
  head: (values) => list(values)[0], identity: (value) => value,
  inRange: (n, start, end) => (end === undefined ? n >= 0 && n < start : n >= start && n < end),
  includes: (values, value) => (typeof values === 'string' ? values.includes(value) : list(values).includes(value)),
  indexOf: (values, value) => list(values).indexOf(value), initial: (values) => list(values).slice(0, -1),
  intersection: (values, ...others) => uniqBy(values).filter((value) => others.every((other) => other.includes(value))),
  invert: (object) => Object.fromEntries(Object.entries(object).map(([k, v]) => [v, k])), isArray: Array.isArray, isBoolean: (v) => typeof v === 'boolean',
  isDate: (v) => v instanceof Date,
  isEmpty: (v) => (v instanceof Map || v instanceof Set ? v.size === 0 : v === null || v === undefined || (isArrayLike(v) ? v.length === 0 : Object.keys(v).length === 0)),
  isEqual, isFunction: (v) => typeof v === 'function', isInteger: Number.isInteger, isMatch: (v, source) => matches(source)(v), isNaN: Number.isNaN, isNil: (v) => v === null || v === undefined,
  isNull: (v) => v === null, isNumber: (v) => typeof v === 'number', isObject, isPlainObject, isString: (v) => typeof v === 'string', isUndefined: (v) => v === undefined,
  join: (values, by = ',') => list(values).join(by), kebabCase: (t) => words(t).join('-').toLowerCase(), keyBy: (values, how) => group(values, how, (_old, value) => value, () => undefined),
  keys: (object) => Object.keys(object ?? {}), last: (values) => list(values).at(-1), lowerCase: (t) => words(t).join(' ').toLowerCase(),
  map: (values, how) => entries(values).map(([k, v]) => iteratee(how)(v, k, values)), mapKeys: (object, how) => Object.fromEntries(Object.entries(object).map(([k, v]) => [iteratee(how)(v, k), v])),
  mapValues: (object, how) => Object.fromEntries(Object.entries(object ?? {}).map(([k, v]) => [k, iteratee(how)(v, k)])),
  max: (values) => bestBy(values, undefined, (a, b) => a > b), maxBy: (values, how) => bestBy(values, how, (a, b) => a > b), mean: (values) => sumBy(values) / list(values).length,
  meanBy: (values, how) => sumBy(values, how) / list(values).length, merge, min: (values) => bestBy(values, undefined, (a, b) => a < b), minBy: (values, how) => bestBy(values, how, (a, b) => a < b),
  noop: () => undefined, nth: (values, n = 0) => list(values).at(n), now: () => Date.now(), omit: (object, ...names) => picked(object, (_v, k) => !names.flat().includes(k)),
  omitBy: (object, how) => picked(object, (v, k) => !how(v, k)), orderBy, pad: (t, n, c = ' ') => String(t).padStart(Math.floor((n + String(t).length) / 2), c).padEnd(n, c),
  padEnd: (t, n, c) => String(t).padEnd(n, c), padStart: (t, n, c) => String(t).padStart(n, c),
  partition: (values, how) => [list(values).filter((v) => iteratee(how)(v)), list(values).filter((v) => !iteratee(how)(v))],
  pick: (object, ...names) => names.flat().reduce((all, name) => (get(object, name) === undefined ? all : set(all, name, get(object, name))), {}),
  pickBy: (object, how) => picked(object, how ?? Boolean), property: (where) => (object) => get(object, where), random, range,
  reduce: (values, how, ...start) => (start.length > 0 ? entries(values).reduce((sum, [k, v]) => how(sum, v, k), start[0]) : list(values).reduce((sum, v) => how(sum, v))),
  reject: (values, how) => list(values).filter((v) => !iteratee(how)(v)), repeat: (t, n) => String(t).repeat(n), replace: (t, what, by) => String(t).replace(what, by), reverse: (values) => values.reverse(),
  round: (n, digits = 0) => Number(Math.round(Number(`${n}e${digits}`)) + `e${-digits}`), sample: (values) => list(values)[random(0, list(values).length - 1)],
  sampleSize: (values, n = 1) => shuffle(values).slice(0, n), set, shuffle, size: (v) => (v instanceof Map || v instanceof Set ? v.size : list(v).length), slice: (values, a, b) => list(values).slice(a, b),
  snakeCase: (t) => words(t).join('_').toLowerCase(), some: (values, how) => entries(values).some(([k, v]) => iteratee(how)(v, k)), sortBy: (values, ...how) => orderBy(values, how.length > 0 ? how.flat() : undefined),
  split: (t, by) => String(t).split(by), startCase: (t) => words(t).map(upperFirst).join(' '), startsWith: (t, start) => String(t).startsWith(start), sum: (values) => sumBy(values), sumBy, tail: (values) => list(values).slice(1),
  take: (values, n = 1) => list(values).slice(0, n), takeRight: (values, n = 1) => (n === 0 ? [] : list(values).slice(-n)), times: (n, how) => range(0, n).map((i) => how(i)), toLower: (t) => String(t).toLowerCase(),
  toNumber: Number, toPairs: (object) => Object.entries(object), toString: (v) => (v === null || v === undefined ? '' : String(v)), toUpper: (t) => String(t).toUpperCase(), trim: (t) => String(t ?? '').trim(),
  truncate: (t, { length = 30, omission = '...' } = {}) => (t.length <= length ? t : t.slice(0, length - omission.length) + omission), union: (...values) => uniqBy(values.flat()), uniq: (values) => uniqBy(values), uniqBy,
  uniqWith: (values, same) => list(values).filter((v, i, all) => all.findIndex((other) => same(v, other)) === i), unzip: (rows) => range(0, Math.max(0, ...rows.map((r) => r.length))).map((i) => rows.map((r) => r[i])), upperCase: (t) => words(t).join(' ').toUpperCase(),
  upperFirst, values: list, without: (values, ...unwanted) => list(values).filter((v) => !unwanted.includes(v)), words,
  zip: (...rows) => range(0, Math.max(0, ...rows.map((r) => r.length))).map((i) => rows.map((r) => r[i])), zipObject: (names, values) => Object.fromEntries(names.map((name, i) => [name, values[i]])),
};
_.each = _.forEach;
_.extend = _.assign;
_.entries = _.toPairs;

export default new Proxy(_, {
  get(target, name) {
    if (name in target || typeof name === 'symbol') return target[name];
    return () => { throw new Error(`lodash's ${name} is not among the functions that this program has`); };
  },
});
