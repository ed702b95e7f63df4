// What scripts import from https://jslib.k6.io/k6-summary/: the summary as text or JUnit.

const GREEN = '\u001b[32m', RED = '\u001b[31m', CYAN = '\u001b[36m', FAINT = '\u001b[2m', RESET = '\u001b[0m';

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

function checkLine(check, indent, paint) {
  if (check.fails === 0) return paint(`${indent}✓ ${check.name}`, GREEN);
  const total = check.passes + check.fails;
  const share = Math.floor((100 * check.passes) / total);
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

function rateText(metric) {
  const { rate, passes, fails } = metric.values;
  return [humanizeValue(rate, metric), `✓ ${passes}`, `✗ ${fails}`];
}

function metricCells(metric, stats, unit) {
  const show = (value) => humanizeValue(value, metric, unit);
  const { values } = metric;
  switch (metric.type) {
    case 'trend': return stats.map((stat) => `${stat}=${stat === 'count' ? values[stat] : show(values[stat] ?? 0)}`);
    case 'counter': return [show(values.count), show(values.rate) + '/s'];
    case 'gauge': return [show(values.value), `min=${show(values.min)}`, `max=${show(values.max)}`];
    default: return rateText(metric);
  }
}

export function textSummary(data, options = {}) {
  const indent = (options.indent ?? '') + '     ';
  const paint = (text, colour) => (options.enableColors ? colour + text + RESET : text);
  const stats = options.summaryTrendStats ?? data.options?.summaryTrendStats ?? ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'];
  const unit = options.summaryTimeUnit ?? data.options?.summaryTimeUnit;
  const names = Object.keys(data.metrics).sort();
  const rows = names.map((name) => [name, data.metrics[name], metricCells(data.metrics[name], stats, unit)]);
  const widths = {};
  for (const [, { type }, cells] of rows) {
    widths[type] ??= [];
    cells.forEach((cell, i) => { widths[type][i] = Math.max(widths[type][i] ?? 0, cell.length); });
  }
  const shown = (name) => (name.includes('{') ? '  ' + name.slice(name.indexOf('{')).replace(/:(?=\S)/g, ':') : name);
  const longest = Math.max(0, ...names.map((name) => shown(name).length));
  const lines = groupLines(data.root_group ?? { name: '' }, indent, paint);
  for (const [name, metric, cells] of rows) {
    const crossed = Object.values(metric.thresholds ?? {});
    const mark = crossed.length === 0 ? ' ' : crossed.every((t) => t.ok) ? paint('✓', GREEN) : paint('✗', RED);
    const dots = paint('.'.repeat(longest - shown(name).length + 3) + ':', FAINT);
    const values = cells.map((cell, i) => paint(cell.padEnd(i === cells.length - 1 ? 0 : widths[metric.type][i]), CYAN));
    lines.push(`${indent.slice(0, -2)}${mark} ${shown(name)}${dots} ${values.join(' ')}`);
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
