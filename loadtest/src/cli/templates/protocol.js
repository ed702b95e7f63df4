// {{ .ScriptName }}: a load that rises, stays and falls, on an API whose results are judged.
//
//   loadtest {{ .ScriptName }} -e BASE_URL=http://localhost:6400
import http from 'k6/http';
import { check, fail, group, sleep } from 'k6';
import { Trend } from 'k6/metrics';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:6400';
const JSON_BODY = { headers: { 'Content-Type': 'application/json' } };

// A metric of your own: how long it takes to write and read something.
const roundTrip = new Trend('round_trip', true);

export const options = {
  scenarios: {
    users: {
      executor: 'ramping-vus',
      stages: [
        { duration: '30s', target: 20 },
        { duration: '1m', target: 20 },
        { duration: '30s', target: 0 },
      ],
      gracefulRampDown: '10s',
    },
  },
  // The test fails (exit code 99) where one of these does not hold.
  thresholds: {
    http_req_failed: ['rate<0.01'],
    http_req_duration: ['p(95)<500'],
    checks: ['rate>0.99'],
  },
};

// Runs once, before the load; what it returns is given to every iteration.
export function setup() {
  const response = http.get(`${BASE_URL}/`);
  if (response.status === 0) fail(`${BASE_URL} does not answer: ${response.error}`);
  return { path: '/api/v1/todos' };
}

// What one virtual user does, again and again.
export default function (data) {
  group('list', () => {
    const list = http.get(`${BASE_URL}${data.path}`);
    check(list, {
      'list: status is 200': (r) => r.status === 200,
      'list: is JSON': (r) => String(r.headers['Content-Type']).includes('json'),
    });
  });

  group('create', () => {
    const begin = Date.now();
    const body = JSON.stringify({ title: `todo of ${__VU}` });
    const created = http.post(`${BASE_URL}${data.path}`, body, JSON_BODY);
    check(created, { 'create: status is 201': (r) => r.status === 201 });
    roundTrip.add(Date.now() - begin);
  });

  // People think before they go on.
  sleep(1 + Math.random());
}

// Runs once, after the load.
export function teardown(data) {
  http.get(`${BASE_URL}${data.path}`);
}
