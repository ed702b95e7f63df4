// -i 2
// Asynchronous functions, timers and requests.
import http from 'k6/http';
import { check } from 'k6';
export async function setup() { return { from: (await http.asyncRequest('GET', `${__ENV.BASE}/setup`)).status }; }
export default async function (data) {
  const [one, two] = await Promise.all([http.asyncRequest('GET', `${__ENV.BASE}/ok`), http.asyncRequest('POST', `${__ENV.BASE}/echo`, 'x')]);
  await new Promise((resolve) => setTimeout(resolve, 10));
  check(data, { answered: (d) => d.from === 200 && one.status === 200 && two.body.includes('x') });
}
