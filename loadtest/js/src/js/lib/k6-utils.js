// What scripts import from https://jslib.k6.io/k6-utils/.
import exec from 'k6/execution';
import { randomBytes } from 'k6/crypto';
import { report } from '#check';

// One random number a digit, so that scripts with a seed get the same ids everywhere.
export function uuidv4(secure = false) {
  const bytes = secure ? new Uint8Array(randomBytes(32)) : undefined;
  const digit = (i) => (secure ? bytes[i] & 15 : Math.floor(Math.random() * 16));
  let text = '';
  for (let i = 0; i < 32; i += 1) {
    if (i === 8 || i === 12 || i === 16 || i === 20) text += '-';
    text += i === 12 ? '4' : (i === 16 ? (digit(i) & 3) | 8 : digit(i)).toString(16);
  }
  return text;
}

// Both ends included.
export const randomIntBetween = (min, max) => Math.floor(Math.random() * (max - min + 1) + min);

export const randomItem = (items) => items[Math.floor(Math.random() * items.length)];

export function randomString(length, charset = 'abcdefghijklmnopqrstuvwxyz') {
  return Array.from({ length }, () => charset[Math.floor(Math.random() * charset.length)]).join('');
}

// The first text between two others, or with `repeat` all of them.
export function findBetween(content, left, right, repeat = false) {
  const found = [];
  for (let from = 0; ;) {
    const open = content.indexOf(left, from);
    const start = open + left.length;
    const end = open < 0 ? -1 : content.indexOf(right, start);
    if (end < 0) break;
    if (!repeat) return content.slice(start, end);
    found.push(content.slice(start, end));
    from = end + right.length;
  }
  return found.length > 0 ? found : null;
}

// Stages in the shape of a bell, four deviations wide, with a slow start and end.
export function normalDistributionStages(maxVus, durationSeconds, numberOfStages = 10) {
  const edge = `${Math.ceil(durationSeconds / 6)}s`;
  const inner = `${Math.ceil((4 * durationSeconds) / (6 * numberOfStages))}s`;
  const density = (x) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  const curve = Array.from({ length: numberOfStages + 1 }, (_, i) => density(-2 + (4 * i) / numberOfStages));
  const peak = Math.max(...curve);
  const stages = curve.map((y, i) => ({
    duration: i === 0 ? edge : inner,
    target: Math.round((y * maxVus) / peak),
  }));
  return [...stages, { duration: edge, target: 0 }];
}

const UNITS = { d: 86400000, h: 3600000, m: 60000, s: 1000, ms: 1 };

// A text such as 1m30s in milliseconds.
export function parseDuration(text) {
  if (text === undefined || text === null || text.length < 1) throw new Error('str is empty');
  const seen = new Set();
  let total = 0;
  for (const [, number, unit] of String(text).matchAll(/([0-9.]+)([^0-9.]*)/g)) {
    if (unit !== '' && UNITS[unit] === undefined) throw new Error(`${unit} is an unsupported time unit`);
    if (unit !== '' && seen.has(unit)) throw new Error(`${unit} time unit is provided multiple times`);
    seen.add(unit);
    total += unit === 'ms' ? Math.trunc(parseFloat(number)) : parseFloat(number) * (UNITS[unit] ?? 1);
  }
  return total;
}

function stagesOfScenario() {
  const name = exec.scenario.name;
  const scenario = (exec.test.options.scenarios ?? {})[name];
  if (!scenario) throw new Error(`the exec.test.options object doesn't contain the current scenario ${name}`);
  if (!scenario.stages) throw new Error(`scenario ${name} has no stages: only ramping-vus and ramping-arrival-rate have`);
  if (scenario.stages.length < 1) throw new Error(`the current scenario ${name} doesn't contain any stage`);
  return scenario.stages;
}

export function getCurrentStageIndex() {
  const stages = stagesOfScenario();
  const elapsed = Date.now() - exec.scenario.startTime;
  let end = 0;
  const index = stages.findIndex((stage) => elapsed < (end += parseDuration(stage.duration)));
  return index < 0 ? stages.length - 1 : index;
}

export function tagWithCurrentStageIndex() {
  exec.vu.tags.stage = getCurrentStageIndex();
}

export function tagWithCurrentStageProfile() {
  const stages = stagesOfScenario();
  const index = getCurrentStageIndex();
  const { target } = stages[index];
  // The first stage counts as one that rises, whatever it does.
  const before = index < 1 ? -1 : stages[index - 1].target;
  exec.vu.tags.stage_profile = target > before ? 'ramp-up' : target < before ? 'ramp-down' : 'steady';
}

// Like the built-in check, but checkers may be asynchronous; then it gives a promise.
export function check(value, checkers, tags) {
  if (value instanceof Promise) return value.then((settled) => check(settled, checkers, tags));
  const results = Object.entries(checkers).map(([name, checker]) => {
    const told = (result) => { report(name, !!result, tags); return !!result; };
    const result = typeof checker === 'function' ? checker(value) : checker;
    return result instanceof Promise ? result.then(told) : told(result);
  });
  return results.some((result) => result instanceof Promise)
    ? Promise.all(results).then((all) => all.every(Boolean))
    : results.every(Boolean);
}

export default {
  check, findBetween, getCurrentStageIndex, normalDistributionStages, parseDuration, randomIntBetween, randomItem,
  randomString, tagWithCurrentStageIndex, tagWithCurrentStageProfile, uuidv4,
};
