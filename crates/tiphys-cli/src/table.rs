//! Tables in columns, as the tab writer of Go's standard library aligns them.
//!
//! A cell that is followed by a tab belongs to a column; neighbouring lines that have the column share its width. The
//! last cell of a line belongs to none.

/// Lines of cells that wait to be aligned.
#[derive(Debug)]
pub(crate) struct Table {
    lines: Vec<Vec<String>>,
    min_width: usize,
    padding: usize,
}

impl Default for Table {
    fn default() -> Self {
        Table { lines: Vec::new(), min_width: 0, padding: 2 }
    }
}

impl Table {
    /// An empty table whose columns are at least this wide.
    pub(crate) fn with_min_width(min_width: usize) -> Self {
        Table { min_width, ..Table::default() }
    }

    /// Adds a line. Line ends and tabs in a cell would break the table; they become spaces.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let clean = |cell: T| cell.into().replace(['\n', '\t', '\r'], " ");
        self.lines.push(cells.into_iter().map(clean).collect());
    }

    /// The aligned text; the table is empty afterwards.
    pub(crate) fn take(&mut self) -> String {
        let lines = std::mem::take(&mut self.lines);
        let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len()]).collect();
        let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
        for column in 0..columns {
            let has_column = |line: &Vec<String>| line.len() > column + 1;
            let mut start = 0;
            while start < lines.len() {
                let length = lines.iter().skip(start).take_while(|line| has_column(line)).count();
                let run = lines.iter().skip(start).take(length);
                let longest = run.filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
                let width = longest.map_or(0, |longest| (longest + self.padding).max(self.min_width));
                for line in widths.iter_mut().skip(start).take(length) {
                    if let Some(place) = line.get_mut(column) {
                        *place = width;
                    }
                }
                start += length.max(1);
            }
        }
        let mut text = String::new();
        for (cells, widths) in lines.iter().zip(&widths) {
            for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
                text.push_str(cell);
                if place + 1 < cells.len() {
                    text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Pads on the left to a width, as `%10s` does.
pub(crate) fn right(text: &str, width: usize) -> String {
    format!("{text:>width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell_and_the_last_cell_is_free() {
        let mut table = Table::default();
        table.row(["NAME", "KIND", "MESSAGE"]);
        table.row(["a", "Deployment", "a very long message"]);
        table.row(["émile", "", ""]);
        assert_eq!(
            table.take(),
            "NAME   KIND        MESSAGE\na      Deployment  a very long message\némile              \n"
        );
        assert_eq!(table.take(), "");
    }

    #[test]
    fn a_line_without_the_column_starts_it_anew() {
        let mut table = Table::default();
        table.row(["SOURCE", "https://example.com/a/long/address"]);
        table.row(["ID", "DATE", "REVISION"]);
        table.row(["0", "2026", "x"]);
        table.row([""]);
        table.row(["a-longer-cell", "x"]);
        assert_eq!(
            table.take(),
            "SOURCE  https://example.com/a/long/address\nID      DATE  REVISION\n0       2026  x\n\na-longer-cell  x\n"
        );
    }

    #[test]
    fn a_cell_can_not_break_its_line() {
        let mut table = Table::with_min_width(5);
        table.row(["a", "two\nlines\tand tabs"]);
        assert_eq!(table.take(), "a    two lines and tabs\n");
    }
}
