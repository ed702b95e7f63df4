import exec from 'k6/execution';
exec.test.abort('too early');
export default function () {}
