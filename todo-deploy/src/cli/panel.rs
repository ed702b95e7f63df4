//! A few lines at the bottom of a terminal that are drawn anew, below lines that stay.
//!
//! Nothing of the terminal's modes is changed and its cursor always rests below the last line, so that whatever ends
//! the program (Ctrl-C, an error, a kill) leaves the terminal as it was.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

pub(super) use super::terminal::Size;

/// To the top of the screen, and removes what was there.
pub(super) const TOP: &str = "\x1b[H\x1b[J";

/// How a line looks where colours are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Plain,
    Strong,
    Faint,
    Good,
    Held,
    Bad,
}

/// A line without a line break.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Line {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

/// Standard error, where it is a terminal that lines can be drawn over on.
#[derive(Debug)]
pub(super) struct Panel {
    drawn: Vec<Line>,
    has_colour: bool,
}

impl Panel {
    /// None where plain lines are wanted: pipes and files, terminals that understand no sequences, CI's logs.
    pub(super) fn open() -> Option<Self> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let is_live = std::io::stderr().is_terminal() && !is_dumb && !is_set("CI");
        is_live.then(|| Self { drawn: Vec::new(), has_colour: !is_set("NO_COLOR") })
    }

    /// As it is now: terminals are resized.
    pub(super) fn size() -> Size {
        Size::of(std::io::stderr())
    }

    /// Draws over what was drawn last: a line that stays, if there is one, and below it those that are drawn anew.
    pub(super) fn draw(&mut self, stays: Option<&Line>, lines: Vec<Line>) {
        if stays.is_none() && lines.is_empty() && self.drawn.is_empty() {
            return;
        }
        write(&redraw(
            &self.drawn,
            Self::size(),
            stays.map(std::slice::from_ref).unwrap_or_default(),
            &lines,
            self.has_colour,
        ));
        self.drawn = lines;
    }
}

fn write(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // Nobody who reads it: the work goes on.
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// What to send so that `old` gives way to `stay`, and `new` below it.
fn redraw(old: &[Line], size: Size, stay: &[Line], new: &[Line], has_colour: bool) -> String {
    let mut out = String::new();
    let rows = size.rows_of(old.iter().map(|line| line.text.as_str()));
    if rows > 0 {
        // What the terminal echoes (`^C`) may stand in the row of the cursor.
        let _ = write!(out, "\r\x1b[{rows}A\x1b[J");
    }
    for line in stay.iter().chain(new) {
        let code = match line.style {
            _ if !has_colour => "",
            Style::Plain => "",
            Style::Strong => "\x1b[1m",
            Style::Faint => "\x1b[2m",
            Style::Good => "\x1b[32m",
            Style::Held => "\x1b[33m",
            Style::Bad => "\x1b[31m",
        };
        let end = if code.is_empty() { "" } else { "\x1b[0m" };
        let _ = writeln!(out, "{code}{}{end}", line.text);
    }
    out
}

/// The text in at most `columns` columns.
pub(super) fn cut(text: &str, columns: usize) -> String {
    // Control characters of whoever wrote the text would move the cursor.
    let plain = text.chars().map(|one| if one.is_control() { ' ' } else { one });
    if text.chars().count() <= columns {
        return plain.collect();
    }
    plain.take(columns.saturating_sub(1)).chain((columns > 0).then_some('…')).collect()
}

/// A whole screen: lines that are too long go on below, what there is no room for is counted.
pub(super) fn page(text: &str, size: Size) -> String {
    // A full last column makes some terminals begin a new line; one row is the cursor's.
    let (columns, rows) = (size.columns.saturating_sub(1).max(1), size.rows.saturating_sub(1).max(1));
    let mut lines: Vec<String> = text.lines().flat_map(|line| folded(line, columns)).collect();
    if lines.len() > rows {
        let more = lines.len() - rows + 1;
        lines.truncate(rows - 1);
        lines.push(cut(&format!("… {more} more lines"), columns));
    }
    lines.join("\n")
}

/// A line in as many as it takes, broken between words, those after the first a little to the right of it.
fn folded(line: &str, columns: usize) -> Vec<String> {
    if line.chars().count() <= columns {
        return vec![cut(line, columns)];
    }
    let indent = line.chars().take_while(|one| *one == ' ').count();
    let further = " ".repeat((indent + 2).min(columns / 2));
    let mut lines = Vec::new();
    let mut now = " ".repeat(indent.min(columns / 2));
    let mut is_empty = true;
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        let word = cut(word, columns - further.len());
        if !is_empty && now.chars().count() + 1 + word.chars().count() > columns {
            lines.push(std::mem::replace(&mut now, further.clone()));
            is_empty = true;
        }
        if !is_empty {
            now.push(' ');
        }
        now.push_str(&word);
        is_empty = false;
    }
    lines.push(now);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        texts.iter().map(|text| Line::new(Style::Plain, *text)).collect()
    }

    const WIDE: Size = Size { columns: 80, rows: 24 };

    #[test]
    fn draws_over_as_many_rows_as_the_old_lines_take_now() {
        let old = lines(&["0123456789", ""]);
        let new = lines(&["new"]);
        assert_eq!(redraw(&old, WIDE, &[], &new, true), "\r\x1b[2A\x1b[Jnew\n");
        let narrow = Size { columns: 4, ..WIDE };
        assert_eq!(
            redraw(&old, narrow, &[], &new, true),
            "\r\x1b[4A\x1b[Jnew\n",
            "10 characters in rows of 4, and 1"
        );
        assert_eq!(redraw(&[], WIDE, &lines(&["stays"]), &new, true), "stays\nnew\n");
        assert_eq!(redraw(&old, WIDE, &[], &[], true), "\r\x1b[2A\x1b[J", "the end: nothing is left behind");
    }

    #[test]
    fn colours_only_where_they_are_wanted() {
        let line = [Line::new(Style::Good, "done")];
        assert_eq!(redraw(&[], WIDE, &line, &[], true), "\x1b[32mdone\x1b[0m\n");
        assert_eq!(redraw(&[], WIDE, &line, &[], false), "done\n");
    }

    #[test]
    fn a_page_fits_whatever_the_terminal_is() {
        let text =
            "todo on ec2: running for 12:34\n\n  Balancer   round robin, drains for 30s after that\nend";
        assert_eq!(page(text, Size { columns: 80, rows: 24 }), text);
        let narrow = "todo on ec2: running for\n  12:34\n\n  Balancer round robin,\n    drains for 30s after\n    that\nend";
        assert_eq!(page(text, Size { columns: 25, rows: 24 }), narrow);
        assert_eq!(
            page(text, Size { columns: 25, rows: 4 }),
            "todo on ec2: running for\n  12:34\n… 5 more lines"
        );
        for columns in 1..40 {
            for rows in 1..9 {
                let page = page(text, Size { columns, rows });
                let fits = page.lines().all(|line| line.chars().count() < columns.max(2));
                assert!(fits && page.lines().count() < rows.max(2), "{columns} × {rows}:\n{page}");
            }
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_none_moves_the_cursor() {
        assert_eq!(cut("load balancer", 13), "load balancer");
        assert_eq!(cut("load balancer", 6), "load …");
        assert_eq!(cut("a\x1b[2Jb\nc", 80), "a [2Jb c");
        assert_eq!(cut("abc", 0), "");
    }
}
