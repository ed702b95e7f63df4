// -i 2
// The jar is emptied between iterations.
import http from 'k6/http';
import { check } from 'k6';
const base = __ENV.BASE;
export default function () {
  check(http.get(`${base}/echo`), { 'begins without': (r) => !('Cookie' in r.json('headers')) });
  http.get(`${base}/cookie`);
  http.cookieJar().set(`${base}/`, 'own', 'value');
  http.get(`${base}/echo`, { cookies: { extra: '1' } });
}
