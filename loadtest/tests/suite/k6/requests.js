// Every method, with bodies, headers, tags and names.
import http, { url } from 'k6/http';
const base = __ENV.BASE;
export default function () {
  http.get(`${base}/ok`);
  http.post(`${base}/echo`, JSON.stringify({ a: 1 }), { headers: { 'Content-Type': 'application/json', 'X-Own': 'yes' } });
  http.put(`${base}/echo`, { a: 1, b: 'c d' });
  http.patch(`${base}/echo`, 'text', { tags: { kind: 'patch' } });
  http.del(`${base}/ok`);
  http.head(`${base}/ok`);
  http.options(`${base}/ok`);
  http.get(`${base}/ok?id=1`, { tags: { name: 'one' } });
  http.get(url`${base}/ok?id=${2}`);
  http.request('GET', `${base}/status/204`);
}
