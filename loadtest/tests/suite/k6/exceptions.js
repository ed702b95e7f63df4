// -i 3
// An iteration that throws is complete, and the test goes on.
import http from 'k6/http';
import { fail } from 'k6';
export default function () {
  http.get(`${__ENV.BASE}/ok?${__ITER}`);
  if (__ITER === 0) { throw new Error('thrown'); }
  if (__ITER === 1) { fail('failed'); }
}
