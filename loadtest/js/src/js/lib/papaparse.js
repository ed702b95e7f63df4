// What scripts import as papaparse: CSV to values and back.

const DELIMITERS = [',', '\t', '|', ';'];

// The delimiter that cuts the first rows most evenly, into at least two; none if no delimiter does. Blank rows,
// such as the one after the last line break, count as rows of one field unless they are skipped.
function guess(text, { quote, mark, blanks }) {
  let best, least;
  for (const delimiter of DELIMITERS) {
    const rows = cells(text, delimiter, quote).filter((row) => !(mark && row[0].startsWith(mark))).slice(0, 10);
    const widths = rows.filter((row) => blanks || row.length > 1 || row[0] !== '').map((row) => row.length);
    if (widths.length === 0) continue;
    const uneven = widths.slice(1).reduce((sum, width, i) => sum + Math.abs(width - widths[i]), 0);
    const mean = widths.reduce((sum, width) => sum + width, 0) / widths.length;
    if (mean > 1.99 && (least === undefined || uneven < least)) { best = delimiter; least = uneven; }
  }
  return best;
}

function cells(text, delimiter, quote) {
  const rows = [];
  let row = [], field = '', quoted = false, i = 0;
  const endField = () => { row.push(field); field = ''; };
  const endRow = () => { endField(); rows.push(row); row = []; };
  while (i < text.length) {
    const c = text[i];
    if (quoted) {
      if (c === quote && text[i + 1] === quote) { field += quote; i += 1; }
      else if (c === quote) quoted = false;
      else field += c;
    } else if (c === quote && field === '') quoted = true;
    else if (text.startsWith(delimiter, i)) { endField(); i += delimiter.length - 1; }
    else if (c === '\n') endRow();
    else if (c === '\r') { if (text[i + 1] === '\n') i += 1; endRow(); }
    else field += c;
    i += 1;
  }
  if (field !== '' || row.length > 0 || /[\r\n]$/.test(text)) endRow();
  return rows;
}

function typed(text) {
  if (text === 'true' || text === 'TRUE') return true;
  if (text === 'false' || text === 'FALSE') return false;
  if (/^\s*-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/.test(text)) return Number(text);
  return text === '' ? null : text;
}

export function parse(input, config = {}) {
  const text = String(input).replace(/^\ufeff/, '');
  const quote = config.quoteChar ?? '"';
  const mark = config.comments === true ? '#' : config.comments;
  const guessed = config.delimiter ? config.delimiter : guess(text, { quote, mark, blanks: !config.skipEmptyLines });
  const delimiter = guessed ?? ',';
  let rows = cells(text, delimiter, quote);
  if (mark) rows = rows.filter((row) => !row[0].startsWith(mark));
  const blank = (row) => (config.skipEmptyLines === 'greedy' ? row.join('').trim() === '' : row.length === 1 && row[0] === '');
  if (config.skipEmptyLines) rows = rows.filter((row) => !blank(row));
  const errors = [];
  if (guessed === undefined) {
    const message = "Unable to auto-detect delimiting character; defaulted to ','";
    errors.push({ type: 'Delimiter', code: 'UndetectableDelimiter', message });
  }
  let fields;
  if (config.header && rows.length > 0) {
    fields = rows.shift().map((name, i) => (config.transformHeader ? config.transformHeader(name, i) : name));
  }
  const truncated = config.preview > 0 && rows.length > config.preview;
  if (truncated) rows = rows.slice(0, config.preview);
  const convert = (value, column) => {
    const changed = config.transform ? config.transform(value, column) : value;
    const wanted = typeof config.dynamicTyping === 'object' ? config.dynamicTyping[column]
      : typeof config.dynamicTyping === 'function' ? config.dynamicTyping(column) : config.dynamicTyping;
    return wanted && typeof changed === 'string' ? typed(changed) : changed;
  };
  const data = rows.map((row, r) => {
    if (fields === undefined) return row.map(convert);
    const record = {};
    row.forEach((value, i) => {
      if (i < fields.length) record[fields[i]] = convert(value, fields[i]);
      else (record.__parsed_extra ??= []).push(value);
    });
    if (row.length !== fields.length) {
      const code = row.length < fields.length ? 'TooFewFields' : 'TooManyFields';
      const many = row.length < fields.length ? 'few' : 'many';
      const message = `Too ${many} fields: expected ${fields.length} fields but parsed ${row.length}`;
      errors.push({ type: 'FieldMismatch', code, message, row: r });
    }
    return record;
  });
  const linebreak = /\r\n/.test(text) ? '\r\n' : '\n';
  const results = { data, errors, meta: { delimiter, linebreak, aborted: false, truncated, cursor: text.length, fields } };
  if (config.step) data.forEach((row) => config.step({ data: row, errors: [], meta: results.meta }));
  if (config.complete) config.complete(results);
  return results;
}

export function unparse(input, config = {}) {
  const delimiter = config.delimiter ?? ',';
  const newline = config.newline ?? '\r\n';
  const source = Array.isArray(input) ? { data: input } : input;
  const objects = source.data.length > 0 && !Array.isArray(source.data[0]);
  const fields = source.fields ?? config.columns ?? (objects ? Object.keys(source.data[0]) : undefined);
  const cell = (value) => {
    const text = value === null || value === undefined ? '' : String(value);
    const special = config.quotes || text.includes(delimiter) || /["\r\n]|^\s|\s$/.test(text);
    return special ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const rows = source.data.map((row) => (Array.isArray(row) ? row : fields.map((name) => row[name])));
  if (fields !== undefined && config.header !== false) rows.unshift(fields);
  return rows.map((row) => row.map(cell).join(delimiter)).join(newline);
}

export default { parse, unparse };
