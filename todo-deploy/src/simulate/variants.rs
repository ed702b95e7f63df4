//! Several deployments side by side: `--sweep 'capacity.max=1..8'`, and which of them to choose.

use std::str::FromStr;

use toml::Value;

use super::Run;
use super::slo::Slo;

/// One field and the values it takes in turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    pub field: String,
    pub values: Vec<Value>,
}

/// More variants than this are a mistake.
const VALUES_MAX: usize = 1000;

impl FromStr for Sweep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!("`{text}` is no sweep; write FIELD=FROM..TO step STEP, or FIELD=A,B,C: capacity.max=1..8")
        };
        let (field, values) = text.split_once('=').ok_or_else(refuse)?;
        let (field, values) = (field.trim().to_owned(), values.trim());
        let values = match values.split_once("..") {
            Some((from, rest)) => {
                let (to, step) = rest.split_once("step").unwrap_or((rest, "1"));
                let number = |text: &str| text.trim().parse::<f64>().map_err(|_| refuse());
                let (from, to, step) = (number(from)?, number(to)?, number(step)?);
                let finite = [from, to, step].iter().all(|number| number.is_finite());
                if !finite || step <= 0.0 || to < from || (to - from) / step > VALUES_MAX as f64 {
                    return Err(refuse());
                }
                let count = ((to - from) / step + 1e-9).floor() as usize + 1;
                (0..count).map(|i| value(&tidy(from + step * i as f64))).collect()
            }
            None => values.split(',').map(|text| value(text.trim())).collect::<Vec<_>>(),
        };
        if field.is_empty() || values.is_empty() {
            return Err(refuse());
        }
        Ok(Self { field, values })
    }
}

/// Twelve significant digits: 0.3, not the 0.30000000000000004 that sums of tenths come to.
fn tidy(number: f64) -> String {
    format!("{number:.11e}").parse::<f64>().unwrap_or(number).to_string()
}

/// A value as a file would have it: a number, true or false, else text.
pub fn value(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>(), text.parse::<bool>()) {
        (Ok(whole), ..) => Value::Integer(whole),
        (_, Ok(number), _) => Value::Float(number),
        (_, _, Ok(flag)) => Value::Boolean(flag),
        _ => Value::String(text.to_owned()),
    }
}

/// `FIELD=VALUE`, for `--set`.
pub fn assignment(text: &str) -> Result<(String, Value), String> {
    let (field, given) =
        text.split_once('=').ok_or_else(|| format!("`{text}` sets nothing; write FIELD=VALUE"))?;
    Ok((field.trim().to_owned(), value(given.trim())))
}

/// The cheapest run that misses no condition.
pub fn cheapest<'a>(runs: &'a [(String, Run)], slo: &Slo) -> Option<&'a (String, Run)> {
    let good = runs.iter().filter(|(_, run)| slo.missed(&run.totals).is_empty());
    good.min_by(|(_, a), (_, b)| a.totals.bill.total().total_cmp(&b.totals.bill.total()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists() {
        let sweep: Sweep = "scaling.target=10..60 step 25".parse().expect("a range");
        assert_eq!(sweep.field, "scaling.target");
        assert_eq!(sweep.values, [Value::Integer(10), Value::Integer(35), Value::Integer(60)]);
        let sweep: Sweep = "model.low_ratio=0.1..0.4 step 0.1".parse().expect("a range");
        assert_eq!(sweep.values, [0.1, 0.2, 0.3, 0.4].map(Value::Float));
        let sweep: Sweep = "aws.instance_type = t2.micro, t3.small".parse().expect("a list");
        assert_eq!(sweep.values, [Value::String("t2.micro".into()), Value::String("t3.small".into())]);
        for wrong in [
            "scaling.target",
            "=1..2",
            "a=5..1",
            "a=1..2 step 0",
            "a=x..y",
            "a=1..2 step nan",
            "a=1..nan",
            "a=nan..2",
        ] {
            assert!(wrong.parse::<Sweep>().is_err(), "{wrong}");
        }
    }
}
