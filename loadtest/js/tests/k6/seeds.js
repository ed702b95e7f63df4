import { randomSeed } from 'k6';
const t = (name, f) => {
  let shown;
  try { const v = f(); shown = v === undefined ? "undefined" : v instanceof ArrayBuffer ? "bytes " + new Uint8Array(v).join() : JSON.stringify(v); } catch (e) { shown = `${e.constructor.name} ${e}`; }
  console.log(name, shown);
};
export default function () {
  for (const seed of [0, 1, 42, 123456789, -1, 1.5, 2 ** 40, '7', NaN, null]) t(seed, () => { randomSeed(seed); return [Math.random(), Math.random(), Math.random()]; });
  t('many', () => { randomSeed(99); let sum = 0; for (let i = 0; i < 2000; i++) sum += Math.random(); return sum; });
}
