//! Custom metrics, read from the text that services publish for Prometheus.

/// The value of a metric: the sum over its lines, which differ in labels. Nothing when there is none, or no number.
///
/// `name` is the metric's name, or a whole line's name with its labels to have that one line.
pub(super) fn value(text: &str, name: &str) -> Option<f64> {
    let mut sum = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (metric, rest) = match line.find('}') {
            Some(end) => line.split_at(end + 1),
            None => line.split_once(' ').unwrap_or((line, "")),
        };
        let is_it = metric == name || metric.split('{').next() == Some(name);
        let number = rest.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
        if let Some(number) = number.filter(|number| is_it && number.is_finite()) {
            sum = Some(sum.unwrap_or(0.0) + number);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_or_by_line() {
        let text = "# HELP queue Things that wait.\n# TYPE queue gauge\nqueue{kind=\"a b\"} 3\nqueue{kind=\"c\"} 4.5 170\n\
                    queue_max 9\nbroken NaN\nup 1\n";
        assert_eq!(value(text, "queue"), Some(7.5));
        assert_eq!(value(text, "queue{kind=\"c\"}"), Some(4.5));
        assert_eq!(value(text, "up"), Some(1.0));
        assert_eq!(value(text, "broken"), None);
        assert_eq!(value(text, "absent"), None);
    }
}
