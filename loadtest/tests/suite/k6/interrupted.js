// What is cut at the end of gracefulStop counts as interrupted and has no duration.
import http from 'k6/http';
import { sleep, group } from 'k6';
export const options = { scenarios: { cut: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '0s' } } };
export default function () {
  http.get(`${__ENV.BASE}/ok`);
  group('never left', () => sleep(600));
}
