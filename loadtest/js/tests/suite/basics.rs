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

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever text a script sends as a form arrives as it was.
    #[test]
    fn forms_keep_their_values(value in "\\PC{0,20}") {
        let json = serde_json::Value::from(value.as_str());
        let got = lines(&format!("import http from 'k6/http'; export default () => {{ http.post('http://h.test/', {{ k: {json} }}); }}"));
        let form = got[0].split('<').nth(1).expect("a body").trim_end_matches('>');
        let read: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).collect();
        proptest::prop_assert_eq!(read, [("k".into(), value.as_str().into())]);
    }

    /// JSON goes through setup to the iterations unchanged.
    #[test]
    fn setup_data_round_trips(numbers in proptest::collection::vec(proptest::prelude::any::<i32>(), 0..5), text in "\\PC{0,20}") {
        let value = serde_json::json!({ "numbers": numbers, "text": text });
        let mut rig = Rig::new(&format!("export function setup() {{ return {value}; }} export default () => {{}};"));
        let TaskValue::Json(json) = rig.run(Task::Setup).value else { panic!("no data") };
        let got: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        proptest::prop_assert_eq!(got, value);
    }

    /// No text makes the loader panic.
    #[test]
    fn any_text_loads_or_says_why(text in "\\PC{0,60}") {
        if let Err(error) = load(&text) {
            proptest::prop_assert!(!error.to_string().is_empty());
        }
    }
}
