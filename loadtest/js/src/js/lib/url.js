// What scripts import from https://jslib.k6.io/url/: the URL classes of browsers.
import { formDecode, formEncode, parseUrl, setUrl } from '#web';

export class URLSearchParams {
  #list = [];
  #changed;
  constructor(init = '', changed = () => {}) {
    if (typeof init === 'string') this.#list = formDecode(init.replace(/^\?/, ''));
    else if (init instanceof URLSearchParams || Array.isArray(init)) this.#list = [...init].map(([k, v]) => [String(k), String(v)]);
    else this.#list = Object.entries(init).map(([k, v]) => [k, String(v)]);
    this.#changed = changed;
  }
  #change(list) { this.#list = list; this.#changed(this.toString()); }
  append(name, value) { this.#change([...this.#list, [String(name), String(value)]]); }
  delete(name) { this.#change(this.#list.filter(([key]) => key !== name)); }
  get(name) { return this.#list.find(([key]) => key === name)?.[1] ?? null; }
  getAll(name) { return this.#list.filter(([key]) => key === name).map(([, value]) => value); }
  has(name) { return this.#list.some(([key]) => key === name); }
  set(name, value) {
    const at = this.#list.findIndex(([key]) => key === name);
    const rest = this.#list.filter(([key], i) => key !== name || i === at);
    if (at < 0) rest.push([String(name), String(value)]);
    else rest[at] = [String(name), String(value)];
    this.#change(rest);
  }
  sort() { this.#change([...this.#list].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))); }
  forEach(callback, self) { this.#list.forEach(([key, value]) => callback.call(self, value, key, this)); }
  *entries() { yield* this.#list.map((pair) => [...pair]); }
  *keys() { yield* this.#list.map(([key]) => key); }
  *values() { yield* this.#list.map(([, value]) => value); }
  [Symbol.iterator]() { return this.entries(); }
  get size() { return this.#list.length; }
  toString() { return formEncode(this.#list); }
}

export class URL {
  #parts; #params;
  constructor(url, base) {
    this.#parts = parseUrl(String(url), base === undefined ? undefined : String(base));
    if (this.#parts === undefined) throw new TypeError(`Invalid URL: ${url}`);
  }
  #set(part, value) {
    const parts = setUrl(this.#parts.href, part, String(value));
    if (parts !== undefined) this.#parts = parts;
  }
  get href() { return this.#parts.href; }
  set href(value) {
    const parts = parseUrl(String(value));
    if (parts === undefined) throw new TypeError(`Invalid URL: ${value}`);
    this.#parts = parts;
  }
  get searchParams() {
    this.#params ??= new URLSearchParams(this.search, (text) => this.#set('search', text));
    return this.#params;
  }
  get origin() { return this.#parts.origin; }
  toString() { return this.href; }
  toJSON() { return this.href; }
  static {
    for (const part of ['protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash']) {
      Object.defineProperty(URL.prototype, part, {
        get() { return this.#parts[part]; },
        set(value) { this.#set(part, value); if (part === 'search') this.#params = undefined; },
        enumerable: true,
      });
    }
  }
}

export default { URL, URLSearchParams };
