// teardown still runs after an abort.
import exec from 'k6/execution';
import http from 'k6/http';
export default function () { http.get(`${__ENV.BASE}/once`); exec.test.abort('enough'); http.get(`${__ENV.BASE}/never`); }
export function teardown() { http.get(`${__ENV.BASE}/teardown`); }
