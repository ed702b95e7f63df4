// parseHTML, Selection and Element: a subset of jQuery over a parsed document.
import { fail } from '#go';
import { parse } from '#html';
import { parseUrl } from '#web';

// What data-* attributes hold, as a value.
function dataValue(text) {
  if (text === undefined || text === '' || text === 'null' || text === 'undefined') return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  if (text[0] === '{' || text[0] === '[') {
    try { return JSON.parse(text); } catch { return text; }
  }
  const number = Number(text);
  return String(number) === text && Number.isFinite(number) ? number : text;
}

const camel = (name) => name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
const dashed = (name) => name.replace(/[A-Z]/g, (letter) => '-' + letter.toLowerCase());

export class Element {
  #dom; #id;
  constructor(dom, id) { this.#dom = dom; this.#id = id; }
  #make(id) { return id === undefined ? undefined : wrap(this.#dom, id); }
  _id() { return this.#id; }
  selection() { return new Selection(this.#dom, [this.#id]); }
  nodeName() { return this.#dom.name(this.#id); }
  nodeType() { return { '#text': 3, '#comment': 8, '#document': 9, '#doctype': 10 }[this.nodeName()] ?? 1; }
  nodeValue() { return this.nodeType() === 3 || this.nodeType() === 8 ? this.#dom.text(this.#id) : undefined; }
  tagName() { return this.nodeType() === 1 ? this.nodeName().toUpperCase() : undefined; }
  textContent() { return this.#dom.text(this.#id); }
  innerHTML() { return this.#dom.html(this.#id); }
  toString() { return this.nodeType() === 1 ? '[object html.Node]' : `[object ${this.nodeName()}]`; }
  id() { return this.#dom.attr(this.#id, 'id') ?? ''; }
  className() { return this.#dom.attr(this.#id, 'class') ?? ''; }
  classList() { return this.className().split(/\s+/).filter(Boolean); }
  getAttribute(name) { return this.#dom.attr(this.#id, name); }
  hasAttribute(name) { return this.#dom.attr(this.#id, name) !== undefined; }
  hasAttributes() { return this.#dom.attrs(this.#id).length > 0; }
  getAttributeNode(name) {
    const value = this.getAttribute(name);
    return value === undefined ? undefined : { name: () => name, value: () => value };
  }
  attributes() {
    return Object.fromEntries(this.#dom.attrs(this.#id).map(([name, value]) => [name, { name, value }]));
  }
  children() { return this.#dom.children(this.#id).map((id) => this.#make(id)); }
  childElementCount() { return this.#dom.children(this.#id).length; }
  childNodes() { return this.#dom.contents(this.#id).map((id) => this.#make(id)); }
  hasChildNodes() { return this.#dom.contents(this.#id).length > 0; }
  firstChild() { return this.#make(this.#dom.contents(this.#id)[0]); }
  lastChild() { return this.#make(this.#dom.contents(this.#id).at(-1)); }
  firstElementChild() { return this.#make(this.#dom.children(this.#id)[0]); }
  lastElementChild() { return this.#make(this.#dom.children(this.#id).at(-1)); }
  nextSibling() { return this.#make(this.#dom.nextNode(this.#id)); }
  previousSibling() { return this.#make(this.#dom.prevNode(this.#id)); }
  nextElementSibling() { return this.#make(this.#dom.next(this.#id)); }
  previousElementSibling() { return this.#make(this.#dom.prev(this.#id)); }
  parentNode() { return this.#make(this.#dom.parent(this.#id)); }
  parentElement() { return this.parentNode(); }
  querySelector(selector) { return this.querySelectorAll(selector)[0]; }
  querySelectorAll(selector) { return this.#dom.find(this.#id, selector).map((id) => this.#make(id)); }
  matches(selector) { return this.#dom.matches(this.#id, selector); }
  contains(other) { return other instanceof Element && this.#dom.find(this.#id, '*').includes(other._id()); }
  isEqualNode(other) { return other instanceof Element && other.innerHTML() === this.innerHTML(); }
  isSameNode(other) { return other instanceof Element && other._id() === this.#id; }
}

// Accessors for the attributes that elements of forms, links and the like have.
for (const name of ['action', 'alt', 'content', 'enctype', 'href', 'hreflang', 'label', 'lang', 'max', 'media',
  'method', 'min', 'name', 'pattern', 'placeholder', 'rel', 'src', 'target', 'title', 'type', 'value']) {
  Element.prototype[name] = function () { return this.getAttribute(name) ?? ''; };
}
for (const name of ['autofocus', 'checked', 'disabled', 'hidden', 'multiple', 'readonly', 'required', 'selected']) {
  Element.prototype[name] = function () { return this.hasAttribute(name); };
}

const wrap = (dom, id) => new Element(dom, id);

// The parts of the address of a link.
for (const part of ['hash', 'host', 'hostname', 'origin', 'password', 'pathname', 'port', 'protocol', 'search', 'username']) {
  Element.prototype[part] = function () { return parseUrl(this.getAttribute('href') ?? '')?.[part] ?? ''; };
}

const LABELLED = 'button,input,meter,output,progress,select,textarea';
Object.assign(Element.prototype, {
  relList() { return (this.getAttribute('rel') ?? '').split(/\s+/).filter(Boolean); },
  text() { return this.textContent(); },
  form() { return this.selection().closest('form').get(0); },
  elements() { return this.querySelectorAll(LABELLED); },
  labels() {
    const id = this.id();
    const outer = this.selection().closest('label').get();
    const root = this.selection().parents().last();
    return id === '' ? outer : root.find('label').get().filter((l) => l.getAttribute('for') === id).concat(outer);
  },
  options() { return this.querySelectorAll('option'); },
  selectedOptions() { return this.querySelectorAll('option').filter((option) => option.selected()); },
  selectedIndex() { return Math.max(this.options().findIndex((option) => option.selected()), this.options().length > 0 ? 0 : -1); },
});

const FIELDS = 'input,select,textarea,keygen';
const UNSENT = ['submit', 'button', 'reset', 'image', 'file'];

export class Selection {
  #dom; #ids; #before;
  constructor(dom, ids, before, url) {
    this.#dom = dom;
    this.#ids = ids;
    this.#before = before;
    Object.defineProperty(this, 'url', { value: url ?? before?.url, writable: true });
  }
  #derive(ids) { return new Selection(this.#dom, [...new Set(ids)], this, this.url); }
  #ordered(ids) {
    const wanted = new Set(ids);
    return wanted.size < 2 ? [...wanted] : [0, ...this.#dom.find(0, '*')].filter((id) => wanted.has(id));
  }
  #matching(ids, selector) {
    return selector === undefined ? ids : ids.filter((id) => this.#dom.matches(id, selector));
  }
  #each(step, selector) { return this.#derive(this.#matching(this.#ids.flatMap(step), selector)); }
  #chain(id, step) {
    const ids = [];
    for (let next = this.#dom[step](id); next !== undefined; next = this.#dom[step](next)) ids.push(next);
    return ids;
  }
  #until(step, until, filter) {
    const stop = this.#test(until);
    return this.#each((id) => {
      const chain = this.#chain(id, step).filter((n) => this.#dom.name(n)[0] !== '#');
      const end = until === undefined ? -1 : chain.findIndex((n, i) => stop(n, i));
      return end < 0 ? chain : chain.slice(0, end);
    }, filter);
  }
  // A test of nodes, from a selector, a selection, an element or a function.
  #test(arg) {
    if (arg === undefined || arg === null) return () => false;
    if (typeof arg === 'string') return (id) => this.#dom.matches(id, arg);
    if (typeof arg === 'function') return (id, i) => !!arg(i, this.#derive([id]));
    if (arg instanceof Selection) return (id) => arg.#ids.includes(id);
    if (arg instanceof Element) return (id) => arg._id() === id;
    return fail(`invalid argument, cannot use a '${typeof arg}' as a selector`);
  }
  size() { return this.#ids.length; }
  find(arg) {
    if (typeof arg === 'string') return this.#derive(this.#ordered(this.#ids.flatMap((id) => this.#dom.find(id, arg))));
    const test = this.#test(arg);
    return this.#derive(this.#ordered(this.#ids.flatMap((id) => this.#dom.find(id, '*')).filter(test)));
  }
  single(selector) { return this.find(selector).first(); }
  add(arg) {
    const more = typeof arg === 'string' ? this.#dom.find(0, arg)
      : arg instanceof Selection ? arg.#ids : arg instanceof Element ? [arg._id()] : this.#test(arg);
    return this.#derive(this.#ids.concat(more));
  }
  closest(arg) {
    const test = this.#test(arg);
    return this.#each((id) => [id, ...this.#chain(id, 'parent')].filter(test).slice(0, 1));
  }
  has(arg) {
    const test = this.#test(arg);
    return this.#derive(this.#ids.filter((id) => this.#dom.find(id, '*').some(test)));
  }
  is(arg) { return this.#ids.some(this.#test(arg)); }
  not(arg) { const test = this.#test(arg); return this.#derive(this.#ids.filter((id, i) => !test(id, i))); }
  filter(arg) { return this.#derive(this.#ids.filter(this.#test(arg))); }
  next(selector) { return this.#each((id) => this.#dom.next(id) ?? [], selector); }
  prev(selector) { return this.#each((id) => this.#dom.prev(id) ?? [], selector); }
  nextAll(selector) { return this.#each((id) => this.#chain(id, 'next'), selector); }
  prevAll(selector) { return this.#each((id) => this.#chain(id, 'prev'), selector); }
  nextUntil(until, filter) { return this.#until('next', until, filter); }
  prevUntil(until, filter) { return this.#until('prev', until, filter); }
  parentsUntil(until, filter) { return this.#until('parent', until, filter); }
  parent(selector) { return this.#each((id) => this.#dom.parent(id) ?? [], selector); }
  parents(selector) {
    return this.#each((id) => this.#chain(id, 'parent').filter((n) => this.#dom.name(n)[0] !== '#'), selector);
  }
  siblings(selector) {
    return this.#each((id) => [...this.#chain(id, 'prev').reverse(), ...this.#chain(id, 'next')], selector);
  }
  children(selector) { return this.#each((id) => this.#dom.children(id), selector); }
  contents() { return this.#each((id) => this.#dom.contents(id)); }
  end() { return this.#before ?? this; }
  eq(index) { const id = this.#ids.at(index); return this.#derive(id === undefined ? [] : [id]); }
  first() { return this.eq(0); }
  last() { return this.eq(-1); }
  slice(start, end) { return this.#derive(this.#ids.slice(start, end)); }
  get(index) {
    if (index === undefined) return this.#ids.map((id) => wrap(this.#dom, id));
    const id = index > -this.#ids.length ? this.#ids.at(index) : undefined;
    return id === undefined ? undefined : wrap(this.#dom, id);
  }
  toArray() { return this.#ids.map((id) => this.#derive([id])); }
  index(arg) {
    if (this.#ids.length === 0) return -1;
    if (arg === undefined) return this.#chain(this.#ids[0], 'prev').length;
    if (typeof arg === 'string') return this.#dom.find(0, arg).indexOf(this.#ids[0]);
    return this.#ids.findIndex(this.#test(arg));
  }
  each(callback) {
    if (typeof callback !== 'function') fail('the argument to each() must be a function');
    this.#ids.forEach((id, i) => {
      try { callback.call(callback, i, wrap(this.#dom, id)); } catch (error) {
        fail(`the function passed to each() failed: ${error}`);
      }
    });
    return this;
  }
  map(callback) {
    if (typeof callback !== 'function') fail('the argument to map() must be a function');
    // What fails is left out.
    return this.#ids.flatMap((id, i) => {
      try { return [callback.call(callback, i, this.#derive([id]))]; } catch { return []; }
    });
  }
  text() { return this.#ids.map((id) => this.#dom.text(id)).join(''); }
  html() { return this.#ids.length === 0 ? '' : this.#dom.html(this.#ids[0]); }
  attr(name, fallback) { return this.#ids.length === 0 ? fallback : this.#dom.attr(this.#ids[0], name) ?? fallback; }
  data(name) {
    if (this.#ids.length === 0) return undefined;
    if (name !== undefined) return dataValue(this.attr('data-' + dashed(name)));
    const entries = this.#dom.attrs(this.#ids[0]).filter(([key]) => key.startsWith('data-') && key.length > 5);
    return Object.fromEntries(entries.map(([key, value]) => [camel(key.slice(5)), dataValue(value)]));
  }
  val() {
    if (this.#ids.length === 0) return undefined;
    const id = this.#ids[0];
    const value = (n) => this.#dom.attr(n, 'value') ?? this.#dom.html(n);
    switch (this.#dom.name(id)) {
      case 'input': {
        const checkable = ['checkbox', 'radio'].includes(this.#dom.attr(id, 'type'));
        return this.#dom.attr(id, 'value') ?? (checkable ? 'on' : '');
      }
      case 'button': return this.#dom.attr(id, 'value') ?? '';
      case 'textarea': return this.#dom.html(id);
      case 'option': return value(id);
      case 'select': {
        const chosen = this.#dom.find(id, 'option[selected]');
        if (this.#dom.attr(id, 'multiple') !== undefined) return chosen.map(value);
        return chosen.length === 0 ? '' : value(chosen[0]);
      }
      default: return undefined;
    }
  }
  serializeArray() {
    const fields = this.is('form') ? this.find(FIELDS) : this.filter(FIELDS);
    return fields.toArray().filter((field) => {
      const type = field.attr('type') ?? '';
      const checkable = type === 'checkbox' || type === 'radio';
      // As k6, which asks what `disabled` and `checked` say, not whether they are there.
      return (field.attr('name') ?? '') !== '' && field.attr('disabled') !== 'disabled' && !UNSENT.includes(type)
        && (!checkable || field.attr('checked') === 'checked');
    }).map((field) => ({ name: field.attr('name'), value: field.val() }));
  }
  serializeObject() { return Object.fromEntries(this.serializeArray().map(({ name, value }) => [name, value])); }
  serialize() {
    const values = this.serializeObject();
    return Object.keys(values).filter((name) => values[name] !== undefined).sort()
      .flatMap((name) => [].concat(values[name]).map((value) => query(name) + '=' + query(value))).join('&');
  }
}

const query = (text) => encodeURIComponent(text).replace(/%20/g, '+')
  .replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());

// `url` is where relative links start from.
export function parseHTML(text, url) { return new Selection(parse(text), [0], undefined, url); }

// For Response.submitForm: what to request.
export function formRequest(root, base, options, resolve) {
  const { formSelector = 'form', submitSelector = '[type="submit"]', fields, params } = options ?? {};
  const form = root.find(formSelector);
  if (form.size() === 0) fail(`no form found for selector '${formSelector}' in response '${base}'`);
  const method = (form.attr('method') ?? 'GET').toUpperCase();
  const action = form.attr('action');
  const url = action === undefined ? base : resolve(base, action);
  const values = form.serializeObject();
  const submit = form.find(submitSelector);
  if (submit.attr('name') !== undefined && submit.val() !== undefined) values[submit.attr('name')] = submit.val();
  Object.assign(values, fields);
  if (method !== 'GET') return [method, url, values, params];
  const pairs = Object.keys(values).sort().map((name) => query(name) + '=' + query(values[name]));
  return [method, url.split(/[?#]/)[0] + (pairs.length > 0 ? '?' + pairs.join('&') : ''), null, params];
}

// For Response.clickLink: what to request.
export function linkRequest(root, base, options, resolve) {
  const { selector = 'a[href]', params } = options ?? {};
  const link = root.find(selector);
  if (link.size() === 0) fail(`no element found for selector '${selector}' in response '${base}'`);
  const href = link.attr('href');
  if (href === undefined) fail(`no valid href attribute value found on element '${selector}' in response '${base}'`);
  return ['GET', resolve(base, href), undefined, params];
}

export default { parseHTML };
