// -u 2 -i 4
// Setup's data reaches every VU as a copy of its own, and teardown as it was.
import http from 'k6/http';
import { check } from 'k6';
const base = __ENV.BASE;
export const options = { tags: { run: 'all' } };
export function setup() {
  http.get(`${base}/ok?setup`);
  check(1, { 'in setup': true });
  return { list: [1, 2], when: new Date(90), none: null, gone: undefined };
}
export default function (data) {
  http.post(`${base}/echo`, `${data.list.slice(0, 2)} ${data.when} ${data.none} ${data.gone}`);
  data.list.push(3);
}
export function teardown(data) {
  http.post(`${base}/echo`, `${data.list} ${data.when} ${data.none} ${data.gone}`);
}
