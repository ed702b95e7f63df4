// The rounds of digest authentication: what they send, which cookies last, what is expected of them.
import http from 'k6/http';
import { check } from 'k6';
const [auth, base] = ['digest', __ENV.BASE];
const user = base.replace('http://', 'http://user:pass@');
export default function () {
  check(http.get(`${user}/digest`, { auth }), {
    'in': (r) => r.status === 200 && r.body === 'in',
    'addresses': (r) => r.url === `${base}/digest` && r.request.url === `${user}/digest`,
    'the answer is not shown': (r) => !r.request.headers.Authorization,
    'cookies': (r) => r.cookies.last && !r.cookies.challenge && !http.cookieJar().cookiesForURL(base).challenge,
  });
  check(http.post(`${base}/digest`, 'body', { auth }), { 'shown': (r) => r.request.headers.Authorization });
  check(http.get(`${user}/to-digest`, { auth }), { 'redirected': (r) => r.status === 200 });
  check(http.get(`${user}/ok`, { auth }), { 'open': (r) => r.status === 200 });
  http.get(`${user}/digest`, { auth, tags: { name: 'named' }, responseCallback: null });
  http.get(`${user}/digest`, { auth, responseCallback: http.expectedStatuses(401) });
}
