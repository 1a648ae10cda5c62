//! What the user sees while a long step runs: its name, what it is at, and the time it has taken.
//!
//! On a terminal the line is redrawn in place; in a log a line is written at the start, every 20 seconds, and at the
//! end.

use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const REDRAW: Duration = Duration::from_millis(150);
const LOG_EVERY: Duration = Duration::from_secs(20);

/// One step under way. Dropping it without [`Step::done`] says that it failed.
pub(crate) struct Step {
    title: String,
    started: Instant,
    notes: Option<Sender<String>>,
    ticker: Option<JoinHandle<()>>,
}

impl Step {
    /// Shows the step and starts its clock.
    pub(crate) fn start(title: impl Into<String>) -> Self {
        let title = title.into();
        let started = Instant::now();
        let (notes, inbox) = channel::<String>();
        let tty = stderr().is_terminal();
        if !tty {
            eprintln!("  .. {title}");
        }
        let line = title.clone();
        let ticker = std::thread::spawn(move || {
            let mut note = String::new();
            let every = if tty { REDRAW } else { LOG_EVERY };
            let mut next = started + every;
            loop {
                match inbox.recv_timeout(next.saturating_duration_since(Instant::now())) {
                    Ok(new) => note = new,
                    Err(RecvTimeoutError::Timeout) => {
                        next += every;
                        let elapsed = human(started.elapsed());
                        if tty {
                            let _ = write!(stderr(), "\r\x1b[2K  .. {line}  {elapsed}  {note}");
                            let _ = stderr().flush();
                        } else {
                            eprintln!("  .. {line}  {elapsed}  {note}");
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self {
            title,
            started,
            notes: Some(notes),
            ticker: Some(ticker),
        }
    }

    /// Says what the step is at.
    pub(crate) fn note(&self, note: impl Into<String>) {
        if let Some(notes) = &self.notes {
            // The ticker ends only after this sender is gone.
            let _ = notes.send(note.into());
        }
    }

    /// Ends the step well; `result` is what came of it, in a few words.
    pub(crate) fn done(mut self, result: &str) -> Duration {
        let took = self.started.elapsed();
        self.stop("ok", result);
        took
    }

    fn stop(&mut self, mark: &str, result: &str) {
        self.notes = None;
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
            let clear = if stderr().is_terminal() { "\r\x1b[2K" } else { "" };
            let gap = if result.is_empty() { "" } else { ": " };
            eprintln!(
                "{clear}  {mark} {}{gap}{result}  {}",
                self.title,
                human(self.started.elapsed())
            );
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.stop("!!", "failed");
    }
}

/// A duration as people read it: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(human(Duration::from_millis(430)), "0.4 s");
        assert_eq!(human(Duration::from_secs(12)), "12 s");
        assert_eq!(human(Duration::from_secs(185)), "3 min 05 s");
    }
}
