//! Tables of fixed-width text.

/// Right-aligned columns under their headings; the first is left-aligned where it is text.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>], first_is_text: bool) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cell = |(column, cell): (usize, &String)| {
            let pad = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            if column == 0 && first_is_text { format!("{cell}{pad}") } else { format!("{pad}{cell}") }
        };
        cells.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    std::iter::once(line(&headings)).chain(rows.iter().map(|row| line(row))).collect()
}

/// A duration in milliseconds with three significant digits and its unit.
pub(crate) fn millis(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2} ms"),
        v if v < 100.0 => format!("{v:.1} ms"),
        v if v < 10_000.0 => format!("{v:.0} ms"),
        v => format!("{:.1} s", v / 1000.0),
    }
}

/// `1 234 567`
pub(crate) fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([thousands(7), thousands(1234), thousands(1_234_567)], ["7", "1 234", "1 234 567"]);
        assert_eq!(
            [millis(1.234), millis(56.78), millis(1234.5), millis(60_000.0)],
            ["1.23 ms", "56.8 ms", "1234 ms", "60.0 s"]
        );
    }
}
