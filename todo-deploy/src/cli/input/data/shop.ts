import http from 'k6/http';
import { sleep } from 'k6';

interface Todo { id: string }

export const options = {
  scenarios: {
    browse: { executor: 'ramping-vus', startVUs: 0, stages: [{ duration: '2m', target: 50 }], exec: 'browse' },
    write: { executor: 'constant-arrival-rate', rate: 10, duration: '90s', preAllocatedVUs: 5, maxVUs: 20, exec: 'write' },
  },
  thresholds: { http_req_duration: ['p(95)<300'], http_req_failed: ['rate<0.01'] },
};

const host: string = __ENV.HOST || 'http://localhost:6400';

export function setup() {
  http.post(`${host}/api/v1/todos`, '{}');
}

export function browse() {
  const todos = http.get(`${host}/api/v1/todos`).json() as Todo[];
  for (const todo of todos) http.get(`${host}/api/v1/todos/${todo.id}`);
  sleep(1 + Math.random());
}

export function write() {
  http.post(`${host}/api/v1/todos`, JSON.stringify({ title: 'x' }));
}
