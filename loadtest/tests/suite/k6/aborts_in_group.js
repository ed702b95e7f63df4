// What exec.test.abort() ends in its middle, groups and a check, is measured all the same.
import exec from 'k6/execution';
import { check, group } from 'k6';
export default function () {
  group('outer', () => {
    group('inner', () => { check(1, { before: true, stops: () => { exec.test.abort(); }, after: true }); });
    group('never', () => {});
  });
}
export function teardown() { group('down', () => check(1, { down: true })); }
