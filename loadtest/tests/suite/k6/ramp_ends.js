// Whom a stage stops at its very end is cut after gracefulRampDown, who is left gets gracefulStop.
import http from 'k6/http';
import { sleep } from 'k6';
import exec from 'k6/execution';
const base = __ENV.BASE;
const stages = [{ duration: '1s', target: 2 }, { duration: '0s', target: 1 }];
export const options = {
  scenarios: { ramp: { executor: 'ramping-vus', startVUs: 2, stages, gracefulRampDown: '0s', gracefulStop: '60s' } },
};
export default function () {
  http.get(`${base}/begin`);
  sleep(exec.scenario.iterationInTest < 2 ? 3 : 0);
  http.get(`${base}/end`);
}
