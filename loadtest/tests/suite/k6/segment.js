// --execution-segment 1/3:2/3 --execution-segment-sequence 0,1/3,2/3,1
// One of three machines that run a test together: which VUs and iterations are its own.
import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';
export const options = {
  scenarios: {
    each: { executor: 'per-vu-iterations', vus: 7, iterations: 2, exec: 'each' },
    shared: { executor: 'shared-iterations', vus: 7, iterations: 23 },
    none: { executor: 'per-vu-iterations', vus: 1 },
    ramp: { executor: 'ramping-vus', startVUs: 5, stages: [{ duration: '1s', target: 5 }], exec: 'once', gracefulStop: '0s' },
  },
};
export function each() { http.get(`${__ENV.BASE}/${exec.scenario.name}/${exec.vu.iterationInScenario}`); }
export function once() { each(); sleep(600); }
export default function () {
  http.get(`${__ENV.BASE}/${exec.scenario.iterationInInstance}/${exec.scenario.iterationInTest}`);
  sleep(0.01);
}
