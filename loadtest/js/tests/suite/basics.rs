//! The life of a script: load, init, iterations, setup and teardown.

use crate::host::*;
use loadtest_js::*;

/// The practical's script, as printed in its sheet.
const PRACTICAL: &str = r"
import http from 'k6/http';
import { sleep, check } from 'k6';

export const options = {
  stages: [
    { target: 1000, duration: '1m' },
    { target: 5000, duration: '10m' },
  ],
};

export default function () {
  const res = http.get('http://your-loadBalancer-url-here/api/v1/todos');
  check(res, { 'status was 200': (r) => r.status == 200 });
  sleep(1);
}
";

#[test]
fn the_practicals_script_runs() {
    let mut rig = Rig::new(PRACTICAL);
    assert_eq!(rig.script.options()["stages"][1]["target"], 5000);
    assert_eq!(rig.script.functions(), ["default"]);
    for _ in 0..3 {
        assert_eq!(rig.iterate().outcome, Outcome::Completed);
        let expected = ["GET http://your-loadBalancer-url-here/api/v1/todos", "✓ status was 200", "sleep 1s"];
        assert_eq!(rig.lines(), expected);
    }
}
