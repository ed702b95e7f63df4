// --no-setup --no-teardown
import http from 'k6/http';
export function setup() { http.get(`${__ENV.BASE}/setup`); return 1; }
export default function (data) { http.get(`${__ENV.BASE}/default/${data}`); }
export function teardown() { http.get(`${__ENV.BASE}/teardown`); }
