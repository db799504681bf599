//! A line that is typed on the terminal and not shown.
//!
//! Invariant: echo is off before the prompt is there, so that nothing that answers it is seen, and on again however the
//! program ends, short of SIGKILL.

#[cfg(unix)]
pub use unix::{read, restore};

#[cfg(unix)]
mod unix {
    use rustix::termios::{tcgetattr, tcsetattr, LocalModes, OptionalActions, Termios};
    use std::fs::File;
    use std::io::{BufRead, BufReader, Write};
    use std::sync::{Mutex, PoisonError};

    /// The terminal and how it was, while echo is off.
    static BEFORE: Mutex<Option<(File, Termios)>> = Mutex::new(None);

    /// Asks for a line, on the terminal itself: stdout and stderr may lead elsewhere.
    ///
    /// # Errors
    /// There is no terminal, or it cannot be read.
    pub fn read(prompt: &str) -> std::io::Result<String> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some((terminal.try_clone()?, before));
        tcsetattr(&terminal, OptionalActions::Now, &silent)?;
        let mut line = String::new();
        let done = terminal
            .write_all(prompt.as_bytes())
            .and_then(|()| BufReader::new(&terminal).read_line(&mut line));
        show();
        done.map(|_| line)
    }

    /// Turns echo on again where a question was left unanswered.
    pub fn restore() {
        if let Some(mut terminal) = show() {
            // What is said next begins a line.
            let _ = terminal.write_all(b"\n");
        }
    }

    /// Turns echo on again; answers the terminal if it was off.
    fn show() -> Option<File> {
        let (terminal, before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
        Some(terminal)
    }
}

/// Asks for a line; here it is shown.
///
/// # Errors
/// Standard input cannot be read.
#[cfg(not(unix))]
pub fn read(prompt: &str) -> std::io::Result<String> {
    eprint!("{prompt}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map(|_| line)
}

/// Turns echo on again where a question was left unanswered.
#[cfg(not(unix))]
pub fn restore() {}
