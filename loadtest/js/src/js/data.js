// SharedArray: an array that is built once and read by all; every access gives a fresh, frozen copy.
import { find, inInit, share } from '#data';
import { fail } from '#go';

function freeze(value) {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}

const index = /^(?:0|[1-9][0-9]*)$/;
const isIndex = (key) => typeof key === 'string' && index.test(key);
const refuse = () => { throw new TypeError('SharedArray is immutable'); };

function view(elements) {
  const there = (key) => isIndex(key) && +key < elements.length;
  return new Proxy([], {
    get(target, key, receiver) {
      if (key === 'length') return elements.length;
      // What is in order already would need no writing.
      if (key === 'sort') return refuse;
      return isIndex(key) ? freeze(elements.at(+key)) : Reflect.get(target, key, receiver);
    },
    has: (target, key) => there(key) || Reflect.has(target, key),
    ownKeys: () => [...Array(elements.length).keys()].map(String).concat('length'),
    getOwnPropertyDescriptor(target, key) {
      if (key === 'length') return { value: elements.length, writable: true, enumerable: false, configurable: false };
      if (!there(key)) return undefined;
      return { value: freeze(elements.at(+key)), writable: false, enumerable: true, configurable: true };
    },
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
  });
}

export function SharedArray(name, build) {
  if (!inInit()) fail('new SharedArray must be called in the init context');
  if (typeof build !== 'function') fail("a function is expected as the second argument of SharedArray's constructor");
  name = name === undefined || name === null ? '' : String(name);
  if (name.length === 0) fail("empty name provided to SharedArray's constructor");
  if (build.constructor.name === 'AsyncFunction') {
    fail('SharedArray constructor does not support async functions as second argument');
  }
  const known = find(name);
  if (known !== undefined) return view(known);
  const built = build();
  if (built === undefined || built === null) throw new TypeError('Cannot convert undefined or null to object');
  if (!Array.isArray(built)) fail('only arrays can be made into SharedArray');
  return view(share(name, built.map((element) => {
    const json = JSON.stringify(element);
    if (json === undefined) throw new SyntaxError("invalid character 'u' looking for beginning of value");
    return json;
  })));
}

export default { SharedArray };
