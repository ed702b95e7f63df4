import { check, fail, group } from 'k6';
import exec from 'k6/execution';
import { SharedArray } from 'k6/data';
import { Counter, Gauge, Trend } from 'k6/metrics';
const t = (name, f) => {
  let shown;
  try { const v = f(); shown = v === undefined ? "undefined" : v instanceof ArrayBuffer ? "bytes " + new Uint8Array(v).join() : JSON.stringify(v); } catch (e) { shown = `${e.constructor.name} ${e}`; }
  say(name, shown);
};
const early = [];
let say = (...line) => early.push(line);
const c = new Counter('c_c');
const sa = new SharedArray('main', () => [{ id: 1 }, { id: 2 }]);
for (const [name, make] of [
  ['again', () => new Counter('c_c')], ['kind', () => new Gauge('c_c')], ['bad', () => new Counter('1bad')], ['none', () => new Counter()],
  ['null', () => new Counter(null)], ['long', () => new Counter('a'.repeat(129))], ['no new', () => Counter('c2')],
  ['built in', () => new Trend('http_reqs')], ['time', () => new Trend('http_req_duration')], ['time too', () => new Trend('http_req_duration', true)],
  ['no function', () => new SharedArray()], ['no name', () => new SharedArray('', () => [])], ['no array', () => new SharedArray('x', () => 5)],
  ['nothing', () => new SharedArray('y', () => {})], ['number', () => new SharedArray(5, () => [1])], ['async', () => new SharedArray('z', async () => [])],
  ['undefined inside', () => new SharedArray('u', () => [undefined])],
]) t(name, () => { const made = make(); return [Object.keys(made), made]; });
t('add', () => c.add(1));
t('tags', () => exec.vu.tags);
export default function () {
  say = (...line) => console.log(...line);
  early.forEach((line) => say(...line));
  t('shared', () => [sa.length, sa.map((x) => x.id), sa[9], Object.keys(sa), 0 in sa, 9 in sa, Array.isArray(sa), sa instanceof SharedArray, sa.at(-1)]);
  for (const f of [() => { sa[0] = 5; }, () => sa.push(1), () => sa.sort(), () => { delete sa[0]; }]) t('write', f);
  console.log(sa);
  for (const sets of [{ a: 1, b: 0, c: null, d: 'x', e: () => [] }, null, undefined, 5, {}, [() => true], { 'a::b': 1 }, { x: async () => 1 }]) t('check', () => check(1, sets));
  t('check', () => check()); t('check tags', () => check(1, { a: 1 }, { t: null }));
  for (const args of [['g', () => 5], ['a::b', () => 1], ['g'], [undefined, () => 1], ['g', async () => 1], ['a', () => group('b', () => exec.vu.tags.group)]]) t('group', () => group(...args));
  for (const why of [[], ['msg'], [5], [{}], [null], [new Error('e')]]) t('fail', () => fail(...why));
  try { fail('fm'); } catch (e) { console.log(Object.keys(e), e.message, e.name, e instanceof Error, String(e.value), e.constructor === GoError); }
  for (const v of ['s', 5, true, 1.5, null, undefined, {}, NaN, '']) {
    t('tag', () => { exec.vu.tags.k = v; return exec.vu.tags.k; });
    t('metadata', () => { exec.vu.metrics.metadata.k = v; return exec.vu.metrics.metadata.k; });
  }
  t('gone', () => { delete exec.vu.tags.scenario; return [exec.vu.tags.scenario, 'scenario' in exec.vu.tags]; });
  t('late', () => new Counter('late')); t('late', () => new SharedArray('late', () => []));
  for (const v of [1, -1, '5', 'x', NaN, true, null, undefined, {}]) t('add', () => c.add(v));
  t('add tags', () => c.add(1, { a: null })); t('alone', () => { const { add } = c; return add(1); });
  console.log(c);
}
