// A threshold with abortOnFail ends the test long before its time; how many iterations there were is left to chance.
import { Counter } from 'k6/metrics';
import { sleep } from 'k6';
const count = new Counter('my_count');
export const options = {
  duration: '10m',
  thresholds: { my_count: [{ threshold: 'count<1', abortOnFail: true }] },
};
export default function () { count.add(1); sleep(600); }
