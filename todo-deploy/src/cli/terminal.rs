//! How large a terminal is, and how much of it a line takes.

use std::os::fd::AsFd;

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// Of a terminal that does not tell.
const USUAL: Size = Size { columns: 80, rows: 24 };

impl Size {
    /// Of the terminal behind it, as it is now: terminals are resized.
    pub(super) fn of(terminal: impl AsFd) -> Self {
        let told = rustix::termios::tcgetwinsize(terminal).ok();
        let told = told.filter(|told| told.ws_col > 0 && told.ws_row > 0);
        told.map_or(USUAL, |told| Self { columns: told.ws_col.into(), rows: told.ws_row.into() })
    }

    /// Rows that lines take that were drawn before: a terminal that became narrower has broken them.
    pub(super) fn rows_of<'a>(self, lines: impl Iterator<Item = &'a str>) -> usize {
        lines.map(|line| line.chars().count().div_ceil(self.columns.max(1)).max(1)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_broken_take_more_rows() {
        let lines = ["0123456789", ""];
        let rows = |columns| Size { columns, rows: 24 }.rows_of(lines.into_iter());
        assert_eq!([80, 10, 4, 0].map(rows), [2, 2, 4, 11]);
    }
}
