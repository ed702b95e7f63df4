// The module k6/experimental/csv: records by RFC 4180, from files of k6/experimental/fs.
import { SharedArray } from 'k6/data';
import { TextDecoder } from '#text';

function settings(options) {
  const { delimiter = ',', asObjects = false, skipFirstLine = false, fromLine = 0, toLine = Infinity } = options ?? {};
  if (asObjects && skipFirstLine) throw new Error('skipFirstLine and asObjects options cannot both be true');
  if (asObjects && fromLine > 0) throw new Error('fromLine and asObjects options cannot be used together');
  if (fromLine < 0 || toLine < 0) throw new Error('fromLine and toLine must not be negative');
  if (toLine < fromLine) throw new Error('fromLine must be less than or equal to toLine');
  if (typeof delimiter !== 'string' || [...delimiter].length !== 1) throw new Error('the delimiter must be one character');
  return { delimiter, asObjects, skipFirstLine, fromLine, toLine };
}

/** Each record with the number of its line. */
function* lines(text, delimiter) {
  let record = [], at = 0, number = 0;
  while (at < text.length) {
    let field;
    if (text[at] === '"') {
      field = '';
      for (;;) {
        const end = text.indexOf('"', at + 1);
        if (end < 0) throw new Error(`record ${number + 1}: a quoted field has no end`);
        field += text.slice(at + 1, end);
        at = end + 1;
        if (text[at] !== '"') break;
        field += '"';
      }
    } else {
      let end = at;
      while (end < text.length && text[end] !== delimiter && text[end] !== '\n') end += 1;
      field = text.slice(at, end);
      at = end;
      if (text[at] !== delimiter && field.endsWith('\r')) field = field.slice(0, -1);
    }
    if (text[at] === '\r') at += 1;
    record.push(field);
    if (text[at] === delimiter) {
      at += 1;
      if (at < text.length) continue;
      record.push('');
    } else if (at < text.length && text[at] !== '\n') {
      throw new Error(`record ${number + 1}: text after a quoted field`);
    }
    at += 1;
    // Empty lines are no records.
    if (record.length > 1 || record[0] !== '') yield [number, record];
    number += 1;
    record = [];
  }
}

function* records(text, { delimiter, asObjects, skipFirstLine, fromLine, toLine }) {
  let names;
  for (const [number, record] of lines(text, delimiter)) {
    if (asObjects && names === undefined) {
      names = record;
    } else if (number > toLine) {
      return;
    } else if (number >= fromLine && !(skipFirstLine && number === 0)) {
      yield asObjects ? Object.fromEntries(names.map((name, i) => [name, record[i] ?? ''])) : record;
    }
  }
}

async function text(file) {
  const { size } = await file.stat();
  const bytes = new Uint8Array(size);
  await file.read(bytes);
  return new TextDecoder().decode(bytes);
}

let parsed = 0;

export async function parse(file, options) {
  const set = settings(options);
  const whole = await text(file);
  parsed += 1;
  return new SharedArray(`csv ${parsed} ${file.path}`, () => [...records(whole, set)]);
}

export class Parser {
  #file;
  #set;
  #rows;
  constructor(file, options) {
    if (typeof file?.read !== 'function') throw new Error('csv Parser constructor takes at least one non-nil source argument');
    this.#file = file;
    this.#set = settings(options);
  }
  async next() {
    this.#rows ??= records(await text(this.#file), this.#set);
    const { done, value } = this.#rows.next();
    return { done, value };
  }
}

export default { parse, Parser };
