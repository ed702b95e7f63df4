// What maxDuration leaves undone is dropped.
import { sleep } from 'k6';
export const options = {
  scenarios: {
    each: { executor: 'per-vu-iterations', vus: 2, iterations: 5, maxDuration: '1s', gracefulStop: '0s' },
    shared: { executor: 'shared-iterations', vus: 3, iterations: 10, maxDuration: '1s', gracefulStop: '0s' },
  },
};
export default function () { sleep(600); }
