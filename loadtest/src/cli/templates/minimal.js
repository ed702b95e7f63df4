// {{ .ScriptName }}: virtual users that call one address, one request a second each.
//
//   loadtest {{ .ScriptName }} -e BASE_URL=http://localhost:6400
import http from 'k6/http';
import { check, sleep } from 'k6';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:6400';

export const options = {
  vus: 10,
  duration: '30s',
};

export default function () {
  const response = http.get(`${BASE_URL}/`);
  check(response, { 'status is 200': (r) => r.status === 200 });
  sleep(1);
}
