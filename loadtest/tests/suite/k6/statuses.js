// What counts as failed, and which metrics there are then.
import http from 'k6/http';
import { check } from 'k6';
const base = __ENV.BASE;
export default function () {
  for (const status of [200, 301, 404, 500]) {
    const res = http.get(`${base}/status/${status}`, { redirects: 0 });
    check(res, { 'status as asked': (r) => r.status === status, 'is 200': (r) => r.status === 200 });
  }
  http.get(`${base}/status/404`, { responseCallback: http.expectedStatuses(404) });
  http.get(`${base}/status/500`, { responseCallback: null });
  http.setResponseCallback(http.expectedStatuses({ min: 400, max: 499 }));
  http.get(`${base}/status/404`);
  http.get(`${base}/ok`);
}
