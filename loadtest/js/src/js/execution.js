// The objects of k6/execution: every property is read when it is asked for.
import { abort, fail, info, keys, options, read, remove, write } from '#execution';

function view(name, properties) {
  const object = {};
  for (const property of properties) {
    Object.defineProperty(object, property, {
      get: () => info(name + '.' + property),
      set() { throw new TypeError(`Cannot assign to read only property '${property}'`); },
      enumerable: true,
    });
  }
  return object;
}

function tagMap(metadata) {
  return new Proxy({}, {
    get: (target, key) => (typeof key === 'string' ? read(metadata, key) : undefined) ?? Reflect.get(target, key),
    set: (_, key, value) => { write(metadata, String(key), value); return true; },
    has: (_, key) => typeof key === 'string' && read(metadata, key) !== undefined,
    deleteProperty: (_, key) => { remove(metadata, String(key)); return true; },
    ownKeys: () => keys(metadata),
    getOwnPropertyDescriptor(_, key) {
      const value = typeof key === 'string' ? read(metadata, key) : undefined;
      return value === undefined ? undefined : { value, writable: true, enumerable: true, configurable: true };
    },
  });
}

function freeze(value) {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}

export const scenario = view('scenario', [
  'name', 'executor', 'startTime', 'progress', 'iterationInInstance', 'iterationInTest',
]);
export const instance = view('instance', [
  'iterationsCompleted', 'iterationsInterrupted', 'vusActive', 'vusInitialized', 'currentTestRunDuration',
]);
export const vu = view('vu', ['idInInstance', 'idInTest', 'iterationInInstance', 'iterationInScenario']);
const tags = tagMap(false);
const metrics = { tags, metadata: tagMap(true) };
for (const [name, value] of Object.entries({ tags, metrics })) {
  Object.defineProperty(vu, name, { get() { info('vu.tags'); return value; }, enumerable: true });
}

let resolved;
export const test = {
  abort,
  fail,
  get options() {
    resolved ??= freeze(options());
    return resolved;
  },
};
export default { scenario, instance, vu, test };
