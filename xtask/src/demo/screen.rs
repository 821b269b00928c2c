//! A table that is drawn over itself on a terminal; elsewhere one line for each change.

use std::io::{IsTerminal, Write, stdout};

use crossterm::style::Stylize;
use crossterm::{cursor, queue, terminal};

use super::applications::{Row, changes};

pub(super) struct Screen {
    live: bool,
    drawn: u16,
    before: Vec<Row>,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { live: stdout().is_terminal(), drawn: 0, before: Vec::new() }
    }

    /// Shows the rows, when they are others than before.
    pub(super) fn show(&mut self, rows: &[Row]) {
        if rows == self.before {
            return;
        }
        if self.live {
            // A terminal that goes away is no reason to end.
            let _ = self.draw(rows);
        } else {
            for line in changes(&self.before, rows) {
                println!("{line}");
            }
        }
        self.before = rows.to_vec();
    }

    fn draw(&mut self, rows: &[Row]) -> std::io::Result<()> {
        let (width, _) = terminal::size().unwrap_or((100, 30));
        let mut out = stdout();
        if self.drawn > 0 {
            queue!(out, cursor::MoveUp(self.drawn), terminal::Clear(terminal::ClearType::FromCursorDown))?;
        }
        let head = Row {
            name: "APPLICATION".to_owned(),
            sync: "SYNC".to_owned(),
            health: "HEALTH".to_owned(),
            revision: "REVISION".to_owned(),
            ..Row::default()
        };
        writeln!(out, "{}", head.line().bold())?;
        for row in rows {
            writeln!(out, "{}", coloured(row, usize::from(width)))?;
        }
        self.drawn = u16::try_from(rows.len() + 1).unwrap_or(u16::MAX);
        out.flush()
    }
}

/// A row of at most `width` columns, good news green and bad news red.
fn coloured(row: &Row, width: usize) -> String {
    // Name, two states and the revision, each with the space behind it.
    const FIXED: usize = 19 + 11 + 13 + 9;
    let sync = format!("{:<10}", row.sync);
    let sync = match row.sync.as_str() {
        "Synced" => sync.green(),
        "OutOfSync" => sync.yellow(),
        _ => sync.grey(),
    };
    let health = format!("{:<12}", row.health);
    let health = match row.health.as_str() {
        "Healthy" => health.green(),
        "Progressing" | "Suspended" => health.blue(),
        "Degraded" => health.red(),
        "Missing" => health.yellow(),
        _ => health.grey(),
    };
    let note: String = row.note.chars().take(width.saturating_sub(FIXED)).collect();
    format!("{:<18} {sync} {health} {:<8} {}", row.name, row.revision, note.dark_grey())
}

/// The name of a program when the machine's `PATH` has it.
pub(super) fn on_path(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file()).then(|| program.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_does_not_wrap() {
        let row = Row { name: "a".to_owned(), note: "x".repeat(500), ..Row::default() };
        let shown = coloured(&row, 80);
        assert!(shown.matches('x').count() < 80);
    }
}
