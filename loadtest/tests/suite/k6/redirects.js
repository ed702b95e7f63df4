// Each hop is a request of its own.
import http from 'k6/http';
import { check } from 'k6';
const base = __ENV.BASE;
export const options = { maxRedirects: 3 };
export default function () {
  check(http.get(`${base}/redirect/2`), { followed: (r) => r.status === 200 && r.url.endsWith('/ok') });
  check(http.get(`${base}/redirect/2`, { redirects: 0 }), { 'not followed': (r) => r.status === 302 });
  check(http.get(`${base}/redirect/9`), { 'three at most': (r) => r.status === 302 });
  http.post(`${base}/redirect/1`, 'body');
}
