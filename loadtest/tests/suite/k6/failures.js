// Connections that come to nothing.
import http from 'k6/http';
import { check } from 'k6';
const base = __ENV.BASE;
export const options = { blockHostnames: ['*.blocked.test'], blacklistIPs: ['127.0.0.2/32'] };
export default function () {
  const codes = [
    http.get('http://127.0.0.1:1/'),
    http.get('http://www.blocked.test/'),
    http.get('http://127.0.0.2:1/'),
    http.get(`${base}/cut`),
    http.get(`${base}/hang`, { timeout: '200ms' }),
  ].map((r) => r.error_code);
  check(codes, { refused: (c) => c[0] === 1212, blocked: (c) => c[1] === 1111, blacklisted: (c) => c[2] === 1110 });
  check(codes, { 'timed out': (c) => c[4] === 1050 });
}
