export default function () {
  console.log(1, 'a', null, undefined, true, -0, NaN, 1e21, 1.5, 10n);
  console.log({}, [], [undefined, null, NaN, Infinity, -0, 'q"uote', '<html>&'], new Array(2));
  console.log({ a: 1, b: 'x', c: [1, 'y', null], d: undefined, f: () => 1, g: class {} });
  console.log(new Map([['a', 1]]), new Set([1]), { m: new Map([['a', 1]]) }, new WeakMap(), /re/g, { r: /re/g });
  console.log(new Date(0), { d: new Date(0) }, new Date(NaN), [new Date(86400000)]);
  console.log(new Error('boom'), { e: new TypeError('in') }, [new Error('arr')], new AggregateError([], 'agg'));
  console.log(Symbol('s'), { s: Symbol('s') }, [Symbol.iterator], { [Symbol('k')]: 1, a: 1 });
  console.log(new Uint8Array([1, 2]), new ArrayBuffer(3), new Float64Array([1.5]), { u: new Uint16Array(2) }, new DataView(new ArrayBuffer(2)));
  console.log(new (class P { x = 1; #y = 2; get z() { return this.#y; } })(), { get a() { return 5; } }, Object.create({ up: 1 }));
  const c = { n: 1 }; c.self = c; const s = { k: 1 }; console.log(c, { a: s, b: s }, [[1, [2, [3]]]]);
  console.log(new String('boxed'), new Number(4), { b: new String('boxed') }, Object.assign(() => 1, { a: 1 }));
  console.log({ 'key with space': 1, 'ключ': 2, 3: 4, '': 5 }, { toJSON() { return 'tj'; } }, 'a %s b', 'x');
  console.log('é😀\ud800', ['\u2028é😀<>&\ud800'], new Promise(() => {}), new Proxy({ a: 1 }, {}));
  console.log(); console.log(''); console.log(Object.keys(console), typeof console.table);
  console.log(String(new Date(0)), new Date(0).toLocaleString(), new Date(0).toLocaleTimeString(), `${new Date(NaN)}`, +new Date(5));
  console.log(['b', 'a', 'C', 'ä', 'Z', 'z', '1', '_'].sort((x, y) => x.localeCompare(y)), 'a'.localeCompare('A'), 'a'.localeCompare('a'));
  console.log(typeof performance, typeof queueMicrotask, typeof SharedArrayBuffer, typeof WeakRef, typeof URL, typeof TextEncoder, typeof structuredClone, typeof Intl, typeof GoError);
}
