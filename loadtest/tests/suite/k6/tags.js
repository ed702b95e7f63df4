// --tag from=flag --system-tags=status,group,check,scenario,vu,iter
// Tags and metadata of the run, the scenario, the VU and the request.
import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
export const options = { scenarios: { one: { executor: 'per-vu-iterations', iterations: 2, tags: { scene: 'one' } } } };
export default function () {
  exec.vu.metrics.tags.step = `${__ITER}`;
  exec.vu.metrics.metadata.trace = `t${__ITER}`;
  http.get(`${__ENV.BASE}/ok`, { tags: { own: 'request' } });
  check(1, { tagged: true });
}
