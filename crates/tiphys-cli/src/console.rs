//! The terminal: where output goes, and questions to the person in front of it.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Standard output and error.
pub(crate) struct Console {
    out: Box<dyn Write>,
    is_terminal: bool,
    has_input: bool,
}

impl Console {
    /// The process's own.
    pub(crate) fn standard() -> Self {
        Console {
            is_terminal: io::stdout().is_terminal(),
            has_input: io::stdin().is_terminal(),
            out: Box::new(io::stdout()),
        }
    }

    /// One that keeps what is written, with nobody in front of it.
    #[cfg(test)]
    pub(crate) fn captured() -> (Self, std::sync::Arc<std::sync::Mutex<Vec<u8>>>) {
        struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, text: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(text);
                Ok(text.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let text = std::sync::Arc::default();
        let out = Box::new(Shared(std::sync::Arc::clone(&text)));
        (Console { out, is_terminal: false, has_input: false }, text)
    }

    /// Writes text to standard output at once.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), CliError> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    /// As [`Console::print`], with a line end.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), CliError> {
        self.print(&format!("{text}\n"))
    }

    /// A remark on standard error.
    pub(crate) fn note(&mut self, text: &str) {
        // Where standard error is closed nobody can be told.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Whether standard output is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Asks and reads a line; `None` where nobody can answer.
    pub(crate) fn ask(&mut self, question: &str) -> Option<String> {
        if !self.has_input {
            return None;
        }
        let _ = write!(io::stderr(), "{question}");
        let _ = io::stderr().flush();
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }

    /// Asks for a secret without showing what is typed; `None` where nobody can answer.
    pub(crate) fn ask_secret(&mut self, question: &str) -> Option<String> {
        if !self.has_input {
            return None;
        }
        let _ = write!(io::stderr(), "{question}");
        let _ = io::stderr().flush();
        let secret = read_hidden();
        let _ = writeln!(io::stderr());
        secret
    }

    /// Asks a question that is answered by y or n. Where nobody can answer, the answer is no.
    pub(crate) fn confirm(&mut self, question: &str) -> bool {
        loop {
            match self.ask(question).map(|answer| answer.to_lowercase()).as_deref() {
                Some("y" | "yes") => return true,
                Some("n" | "no") | None => return false,
                Some(_) => {}
            }
        }
    }
}

fn read_hidden() -> Option<String> {
    use crossterm::event::{Event, KeyCode, KeyModifiers, read};
    crossterm::terminal::enable_raw_mode().ok()?;
    let mut secret = String::new();
    let read = loop {
        match read() {
            Ok(Event::Key(key)) => match key.code {
                KeyCode::Enter => break Some(secret),
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => break None,
                KeyCode::Char(character) => secret.push(character),
                KeyCode::Backspace => {
                    secret.pop();
                }
                KeyCode::Esc => break None,
                _ => {}
            },
            Ok(_) => {}
            Err(_) => break None,
        }
    };
    let _ = crossterm::terminal::disable_raw_mode();
    read
}
