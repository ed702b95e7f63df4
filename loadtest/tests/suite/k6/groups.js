// -i 3
// Groups within groups, checks within them, and checks whose outcome changes.
import { check, group } from 'k6';
import http from 'k6/http';
const base = __ENV.BASE;
export default function () {
  check(1, { always: true, never: () => false, sometimes: __ITER % 2 === 0, nothing: null });
  group('outer', () => {
    http.get(`${base}/ok`);
    check(1, { always: true }, { own: 'tag' });
    group('inner', () => { check('x', { never: (v) => v === 'y' }); });
  });
  group('empty', () => {});
}
