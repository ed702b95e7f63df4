// At the end a metric without samples counts as zero, a rate without samples holds.
import { Counter, Rate, Trend } from 'k6/metrics';
new Counter('never'); new Rate('no_rate'); new Trend('no_trend');
export const options = { thresholds: { never: ['count>0', 'count<1'], no_rate: ['rate>0.9'], no_trend: ['p(95)<200', 'avg>0'] } };
export default function () {}
