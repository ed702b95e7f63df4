//! Thresholds: `aggregation operator number`, such as `p(95)<200`; parsed once, then judged without failing.

use serde_json::Value;

use super::sink::{Kind, Sink, percentile_of};

/// One pass/fail rule on one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As the user wrote it.
    pub source: String,
    pub expression: Expression,
    /// Stop the test as soon as it fails.
    pub abort_on_fail: bool,
    /// Do not abort before this much of the test has run.
    pub delay_abort: std::time::Duration,
}

/// `aggregation operator value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    pub aggregation: String,
    operator: Operator,
    value: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 7] = [
    ("===", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("==", Operator::Equal),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
];

impl Expression {
    /// Reads an expression; spaces are free.
    pub fn parse(source: &str) -> Result<Self, String> {
        let bad = |what: &str| {
            Err(format!(
                "threshold `{source}`: {what}; write for example `p(95)<200`, `rate<0.01` or `count>100`"
            ))
        };
        let Some(at) = source.find(['>', '<', '=', '!']) else {
            return bad("there is no comparison in it");
        };
        let (aggregation, rest) = source.split_at(at);
        let aggregation: String = aggregation.chars().filter(|c| !c.is_whitespace()).collect();
        let known =
            matches!(aggregation.as_str(), "count" | "rate" | "value" | "avg" | "min" | "max" | "med");
        if !known && percentile_of(&aggregation).is_none() {
            return bad(
                "unknown aggregation (known: count, rate, value, avg, min, max, med, p(0) to p(100))",
            );
        }
        let Some((sign, operator)) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)) else {
            return bad("unknown operator (known: > >= < <= == === !=)");
        };
        match rest[sign.len()..].trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Self { aggregation, operator: *operator, value }),
            _ => bad("the right side is not a number"),
        }
    }

    /// Does this aggregation exist for that kind of metric?
    pub fn fits(&self, kind: Kind) -> bool {
        match kind {
            Kind::Counter => matches!(self.aggregation.as_str(), "count" | "rate"),
            Kind::Gauge => self.aggregation == "value",
            Kind::Rate => self.aggregation == "rate",
            Kind::Trend => !matches!(self.aggregation.as_str(), "count" | "rate" | "value"),
        }
    }

    /// True when it holds. As in k6, a metric without samples counts as zero, except a rate, which holds. `run_s`:
    /// seconds that the test has run.
    pub fn holds(&self, sink: &Sink, run_s: f64) -> bool {
        if sink.is_empty() && sink.kind() == Kind::Rate {
            return true;
        }
        let Some(left) = sink.stat(&self.aggregation, run_s) else { return true };
        match self.operator {
            Operator::Greater => left > self.value,
            Operator::GreaterOrEqual => left >= self.value,
            Operator::Less => left < self.value,
            Operator::LessOrEqual => left <= self.value,
            Operator::Equal => left == self.value,
            Operator::NotEqual => left != self.value,
        }
    }
}

impl Threshold {
    /// A threshold as options give it: a text, or `{threshold, abortOnFail, delayAbortEval}`.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (source, abort_on_fail, delay) = match value {
            Value::String(source) => (source.clone(), false, None),
            Value::Object(map) => {
                let source = map.get("threshold").and_then(text);
                let source =
                    source.ok_or_else(|| format!("a threshold needs a text `threshold`, not {value}"))?;
                let abort = match map.get("abortOnFail") {
                    None | Some(Value::Null) => false,
                    Some(Value::Bool(abort)) => *abort,
                    Some(other) => {
                        return Err(format!("abortOnFail of `{source}` must be true or false, not {other}"));
                    }
                };
                (source, abort, map.get("delayAbortEval").filter(|delay| !delay.is_null()))
            }
            _ => return Err(format!("a threshold is a text or an object with `threshold`, not {value}")),
        };
        let delay_abort = match delay {
            None => std::time::Duration::ZERO,
            Some(Value::String(delay)) => crate::duration::parse(delay).map_err(|e| e.to_string())?,
            Some(delay) => delay
                .as_f64()
                .and_then(crate::duration::from_millis)
                .ok_or_else(|| format!("delayAbortEval of `{source}` is not a duration: {delay}"))?,
        };
        Ok(Self { expression: Expression::parse(&source)?, source, abort_on_fail, delay_abort })
    }

    /// As k6 writes it: a text, or an object if it can end the test.
    #[must_use]
    pub fn to_json(&self) -> Value {
        if !self.abort_on_fail {
            return self.source.as_str().into();
        }
        let delay = (!self.delay_abort.is_zero()).then(|| crate::duration::format(self.delay_abort));
        serde_json::json!({"threshold": self.source, "abortOnFail": true, "delayAbortEval": delay})
    }
}

/// Tags that a sample must carry.
pub type TagFilter = Vec<(String, String)>;

/// Splits `name{tag:value,tag2:value2}` into its metric and its tags.
pub fn parse_metric_name(key: &str) -> Result<(&str, TagFilter), String> {
    let Some((metric, rest)) = key.split_once('{') else {
        return Ok((key, Vec::new()));
    };
    let bad = || format!("`{key}` is no metric; write for example `http_req_duration{{status:200}}`");
    let inner = rest.trim_end().strip_suffix('}').ok_or_else(bad)?;
    let mut tags = Vec::new();
    for pair in inner.split(',').filter(|pair| !pair.trim().is_empty()) {
        let clean = |part: &str| part.trim().trim_matches(['"', '\'']).to_owned();
        match pair.split_once(':') {
            Some((tag, value)) if !value.trim().is_empty() => tags.push((clean(tag), clean(value))),
            _ => return Err(bad()),
        }
    }
    if tags.is_empty() {
        return Err(bad());
    }
    Ok((metric.trim_end(), tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for good in
            ["p(95)<200", " rate < 0.01", "count>=100", "p(99.9) <= 1e3", "med===5", "value!=-1", "avg==2.5"]
        {
            Expression::parse(good).expect(good);
        }
        for bad in
            ["", "p(95)", "p(101)<1", "p95<1", "avg=1", "mean<1", "rate<", "rate<x", "rate!5", "count<>4"]
        {
            assert!(Expression::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn judges_by_kind() {
        let mut trend = Sink::new(Kind::Trend);
        let rule = Expression::parse("p(50)<3").expect("parses");
        assert!(rule.holds(&trend, 1.0), "no samples are zero");
        assert!(!Expression::parse("avg>0").expect("parses").holds(&trend, 1.0));
        assert!(!Expression::parse("count>0").expect("parses").holds(&Sink::new(Kind::Counter), 1.0));
        assert!(Expression::parse("rate>0.9").expect("parses").holds(&Sink::new(Kind::Rate), 1.0));
        [1.0, 2.0, 6.0].iter().for_each(|value| trend.add(*value, 0));
        assert!(rule.holds(&trend, 1.0));
        assert!(!Expression::parse("max<=5.9").expect("parses").holds(&trend, 1.0));
        let mut counter = Sink::new(Kind::Counter);
        counter.add(30.0, 0);
        assert!(Expression::parse("rate==3").expect("parses").holds(&counter, 10.0));
        assert!(!rule.fits(Kind::Counter));
        assert!(Expression::parse("rate<1").expect("parses").fits(Kind::Rate));
        assert!(!Expression::parse("count<1").expect("parses").fits(Kind::Trend));
    }

    #[test]
    fn options_forms() {
        let value =
            serde_json::json!({"threshold": "rate<0.1", "abortOnFail": true, "delayAbortEval": "10s"});
        for (given, written) in [
            (value.clone(), value.clone()),
            (serde_json::json!({"threshold": "rate<0.1", "delayAbortEval": "10s"}), "rate<0.1".into()),
            (
                serde_json::json!({"threshold": "rate<1", "abortOnFail": true}),
                serde_json::json!({"threshold": "rate<1", "abortOnFail": true, "delayAbortEval": null}),
            ),
        ] {
            assert_eq!(Threshold::from_json(&given).expect("parses").to_json(), written);
        }
        let threshold = Threshold::from_json(&value).expect("parses");
        assert!(threshold.abort_on_fail);
        assert_eq!(threshold.delay_abort.as_secs(), 10);
        assert!(Threshold::from_json(&serde_json::json!(5)).is_err());
    }

    #[test]
    fn sub_metric_names() {
        let (metric, tags) =
            parse_metric_name("http_req_duration{status:200, name:http://a/b}").expect("parses");
        assert_eq!(metric, "http_req_duration");
        assert_eq!(tags[1], ("name".to_owned(), "http://a/b".to_owned()));
        for bad in ["a{}", "a{b:c", "a{b}", "a{b:}", "a{b:c,d: }"] {
            assert!(parse_metric_name(bad).is_err(), "{bad}");
        }
    }
}
