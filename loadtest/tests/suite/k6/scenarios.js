// Several scenarios with functions, environments and tags of their own.
import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';
const base = __ENV.BASE;
export const options = {
  scenarios: {
    each: { executor: 'per-vu-iterations', vus: 2, iterations: 3, exec: 'each', env: { WHO: 'each' }, tags: { part: 'first' } },
    shared: { executor: 'shared-iterations', vus: 2, iterations: 5, startTime: '100ms' },
  },
};
function ask(number) {
  http.get(`${base}/${exec.scenario.name}/${exec.scenario.executor}/${number}/${__ENV.WHO}`);
}
export function each() { ask(exec.vu.iterationInScenario); }
export default function () { ask(exec.scenario.iterationInTest); sleep(0.01); }
