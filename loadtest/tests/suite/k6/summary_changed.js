// --summary-export shows what handleSummary did to its data.
import { check, group } from 'k6';
import { Counter, Gauge, Rate } from 'k6/metrics';
const [counter, gauge, rate] = [new Counter('counter'), new Gauge('gauge'), new Rate('rate')];
export const options = { thresholds: { rate: ['rate>0'] } };
export default function () {
  counter.add(2);
  gauge.add(3);
  rate.add(true);
  group('one', () => check(1, { fine: true, bad: false }));
}
export function handleSummary(data) {
  const { metrics, root_group: root } = data;
  delete metrics.counter;
  metrics.gauge.values.value = 77;
  metrics.rate.values.rate = 0.25;
  metrics.rate.thresholds.own = { ok: false };
  metrics.own = { type: 'counter', values: { count: 5 } };
  metrics.odd = 5;
  root.groups[0].checks[1].passes = 9;
  root.checks.push({ name: 'added', path: '::added', passes: 1, fails: 2 });
  return {};
}
