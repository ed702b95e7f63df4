// Parts of metrics by tags, however they are written.
import http from 'k6/http';
import { check, group } from 'k6';
export const options = {
  thresholds: {
    'http_reqs{ group : ::outer , kind:a b }': ['count==1'],
    'http_reqs{status:"404"}': ['count==1'],
    'checks{check:c: 1}': ['rate==1'],
    'http_req_duration{expected_response:true}': ['max<600000'],
    'http_reqs{nobody:has}': ['count<1', 'count>0'],
    'http_req_failed{scenario:default}': ['rate==0.5'],
  },
};
export default function () {
  group('outer', () => {
    http.get(`${__ENV.BASE}/ok`, { tags: { kind: 'a b' } });
    check(1, { 'c: 1': true });
  });
  http.get(`${__ENV.BASE}/status/404`);
}
