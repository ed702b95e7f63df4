// What scripts import from https://jslib.k6.io/k6-summary/: the summary as text or JUnit.

const GREEN = '32', RED = '31', CYAN = '36', FAINT_CYAN = '36;2', FAINT = '2';

function trimmed(number, digits) {
  return String(parseFloat(number.toFixed(digits)));
}

function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let i = 0, size = value;
  while (size >= 1000 && i < units.length - 1) { size /= 1000; i += 1; }
  return (i === 0 || size >= 10 ? size.toFixed(0) : size.toFixed(1)) + ' ' + units[i];
}

function duration(ms, unit) {
  if (unit === 's') return (ms / 1000).toFixed(2) + 's';
  if (unit === 'ms') return ms.toFixed(2) + 'ms';
  if (unit === 'us') return (ms * 1000).toFixed(2) + 'µs';
  if (ms === 0) return '0s';
  if (ms < 0.001) return Math.trunc(ms * 1e6) + 'ns';
  if (ms < 1) return trimmed(Math.trunc(ms * 1e5) / 100, 2) + 'µs';
  if (ms < 1000) return trimmed(Math.trunc(ms * 100) / 100, 2) + 'ms';
  const seconds = ms / 1000;
  if (seconds < 60) return trimmed(Math.trunc(seconds * 100) / 100, 2) + 's';
  const minutes = Math.floor(seconds / 60), rest = Math.floor(seconds % 60);
  return minutes < 60 ? `${minutes}m${rest}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m${rest}s`;
}

export function humanizeValue(value, metric, timeUnit) {
  if (metric.type === 'rate') return (Math.trunc(value * 10000) / 100).toFixed(2) + '%';
  if (metric.contains === 'data') return bytes(value);
  if (metric.contains === 'time') return duration(value, timeUnit);
  return trimmed(value, 6);
}

// A failed check has a second line; both have the colour together.
function checkLine(check, indent, paint) {
  if (check.fails === 0) return paint(`${indent}✓ ${check.name}`, GREEN);
  const share = Math.floor((100 * check.passes) / (check.passes + check.fails));
  return paint(`${indent}✗ ${check.name}\n${indent} ↳  ${share}% — ✓ ${check.passes} / ✗ ${check.fails}`, RED);
}

function groupLines(group, indent, paint) {
  const lines = [];
  let inner = indent;
  if (group.name !== '') {
    lines.push(`${indent}█ ${group.name}`, '');
    inner += '  ';
  }
  for (const check of Object.values(group.checks ?? {})) lines.push(checkLine(check, inner, paint));
  if (Object.keys(group.checks ?? {}).length > 0) lines.push('');
  for (const child of Object.values(group.groups ?? {})) lines.push(...groupLines(child, inner, paint));
  return lines;
}

// What stands after a name: the value, or the statistics with their labels.
function metricCells(metric, stats, unit) {
  const show = (value) => humanizeValue(value, metric, unit);
  const { values } = metric;
  switch (metric.type) {
    case 'trend': return stats.map((stat) => [`${stat}=`, stat === 'count' ? String(values[stat] ?? 0) : show(values[stat] ?? 0)]);
    case 'counter': return [show(values.count), show(values.rate) + '/s'];
    case 'gauge': return [show(values.value), `min=${show(values.min)}`, `max=${show(values.max)}`];
    default: return [show(values.rate), `✓ ${values.passes}`, `✗ ${values.fails}`];
  }
}

const widest = (texts) => Math.max(0, ...texts.map((text) => text.length));

export function textSummary(data, options = {}) {
  const { indent: outer = ' ', enableColors = true } = options;
  const indent = outer + '    ';
  const paint = (text, colour) => (enableColors ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const stats = options.summaryTrendStats ?? data.options?.summaryTrendStats ?? ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'];
  const unit = options.summaryTimeUnit ?? data.options?.summaryTimeUnit;
  // A sub-metric follows its metric, by its tags.
  const shown = (name) => name.replace(/^.*?\{(.*)\}$/, '{ $1 }');
  const parent = (name) => name.replace(/\{.*/, '');
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const names = Object.keys(data.metrics).sort((a, b) => order(parent(a), parent(b)) || order(a, b));
  const rows = names.map((name) => [name, data.metrics[name], metricCells(data.metrics[name], stats, unit)]);
  const trends = rows.filter(([, { type }]) => type === 'trend').map(([, , cells]) => cells);
  const others = rows.filter(([, { type }]) => type !== 'trend').map(([, , cells]) => cells);
  const trendWidths = stats.map((_, i) => widest(trends.map((cells) => cells[i][1])));
  const widths = [0, 1, 2].map((i) => widest(others.map((cells) => cells[i] ?? '')));
  const columns = (name) => shown(name).length + (name.includes('{') ? 2 : 0);
  const longest = Math.max(0, ...names.map(columns));
  const lines = groupLines(data.root_group ?? { name: '' }, indent, paint);
  for (const [name, metric, cells] of rows) {
    const rules = Object.values(metric.thresholds ?? {});
    const mark = rules.every((rule) => rule.ok) ? paint('✓', GREEN) : paint('✗', RED);
    // The mark takes two columns of the indent; a sub-metric's stands before its braces.
    const inner = name.includes('{');
    const begin = rules.length === 0 ? (inner ? '  ' : '') : mark + ' ';
    const before = rules.length === 0 || inner ? indent : indent.slice(0, -2);
    const dots = paint('.'.repeat(longest - columns(name) + 3) + ':', FAINT);
    const values = metric.type === 'trend'
      ? cells.map(([label, text], i) => label + paint(text, CYAN) + ' '.repeat(trendWidths[i] - text.length))
      : cells.map((text, i) => {
        const pad = i === 0 || cells.length > 2 ? ' '.repeat(widths[i] - text.length) : '';
        return paint(text, i === 0 ? CYAN : FAINT_CYAN) + pad;
      });
    lines.push(`${before}${begin}${shown(name)}${dots} ${values.join(' ')}`);
  }
  return lines.join('\n');
}

const escaped = (text) => String(text).replace(/[<>&'"]/g, (c) => `&#${c.charCodeAt(0)};`);

// One test case per threshold.
export function jUnit(data, options = {}) {
  const cases = [];
  let failures = 0;
  for (const [name, metric] of Object.entries(data.metrics)) {
    for (const [threshold, { ok }] of Object.entries(metric.thresholds ?? {})) {
      if (!ok) failures += 1;
      const title = `<testcase name="${escaped(name)} - ${escaped(threshold)}"`;
      cases.push(ok ? `${title} />` : `${title}><failure message="failed" /></testcase>`);
    }
  }
  const name = escaped(options.name ?? 'k6 thresholds');
  return `<?xml version="1.0"?>\n<testsuites tests="${cases.length}" failures="${failures}">\n`
    + `<testsuite name="${name}" tests="${cases.length}" failures="${failures}">${cases.join('\n')}\n</testsuite >\n</testsuites >`;
}

export default { humanizeValue, jUnit, textSummary };
