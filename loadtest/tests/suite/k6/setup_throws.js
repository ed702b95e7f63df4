import http from 'k6/http';
export function setup() { throw new Error('in setup'); }
export default function () { http.get(`${__ENV.BASE}/never`); }
export function teardown() { http.get(`${__ENV.BASE}/never`); }
