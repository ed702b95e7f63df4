// There is nothing to tear down.
import exec from 'k6/execution';
import http from 'k6/http';
export function setup() { exec.test.abort('early'); }
export default function () { http.get(`${__ENV.BASE}/never`); }
export function teardown() { http.get(`${__ENV.BASE}/teardown`); }
