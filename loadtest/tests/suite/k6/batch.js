// In parallel, answers in order.
import http from 'k6/http';
import { check } from 'k6';
const base = __ENV.BASE;
export const options = { batch: 3, batchPerHost: 2 };
export default function () {
  const list = http.batch([`${base}/ok`, ['POST', `${base}/echo`, 'x'], { method: 'GET', url: `${base}/status/404` }]);
  check(list, { 'in order': (l) => l.map((r) => r.status).join() === '200,200,404' });
  const named = http.batch({ one: `${base}/ok`, two: `${base}/status/201` });
  check(named, { 'by name': (n) => n.one.status === 200 && n.two.status === 201 });
}
