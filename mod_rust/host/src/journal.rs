//! The journal: every input with its time, so that `hotline-sim replay` brings back the same events. Written by a thread
//! of its own; when the disk cannot follow, the journal ends with a word in the log and the calls go on.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use hotline_engine::codec::journal::{Head, write_head, write_record};
use hotline_engine::{Config, Input, Time};

use crate::pbx::{Level, Pbx};

/// Inputs that may wait for the disk.
const BACKLOG: usize = 65_536;

/// The engine thread's end of a journal.
pub(crate) struct Journal {
    path: PathBuf,
    records: Option<SyncSender<Vec<u8>>>,
    /// Joined at the latest when the journal is dropped: no thread may outlive the module.
    writer: Option<JoinHandle<io::Result<()>>>,
}

impl Journal {
    /// Creates `FOLDER/NODE-BOOT.journal` and writes its head. `bytes` counts what is in it.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn create(
        folder: &Path,
        node: &str,
        boot: &str,
        config: &Config,
        booted: Time,
        seed: u64,
        bytes: Arc<AtomicU64>,
    ) -> io::Result<Journal> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{node}-{boot}.journal"));
        let mut file = File::create_new(&path)?;
        let mut head = Vec::new();
        write_head(
            &mut head,
            &Head {
                booted,
                seed,
                config: config.clone(),
            },
        )
        .map_err(io::Error::other)?;
        file.write_all(&head)?;
        bytes.store(head.len() as u64, Ordering::Relaxed);
        let (sender, records) = sync_channel(BACKLOG);
        let thread = std::thread::Builder::new()
            .name("hotline-journal".into())
            .spawn(move || write_records(io::BufWriter::new(file), &records, &bytes))?;
        Ok(Journal {
            path,
            records: Some(sender),
            writer: Some(thread),
        })
    }

    /// Never blocks, but to hear from a writer that has ended why it did.
    pub(crate) fn record(&mut self, now: Time, input: &Input, pbx: &dyn Pbx) {
        let Some(records) = &self.records else { return };
        let mut record = Vec::new();
        let why = match write_record(&mut record, now, input) {
            Err(error) => error.to_string(),
            Ok(()) => match records.try_send(record) {
                Ok(()) => return,
                Err(TrySendError::Full(_)) => format!("the disk is more than {BACKLOG} inputs behind"),
                Err(TrySendError::Disconnected(_)) => match self.finish() {
                    Err(error) => error.to_string(),
                    Ok(()) => "its thread is gone".to_owned(),
                },
            },
        };
        self.records = None;
        pbx.log(
            Level::Error,
            &format!("the journal {} ends here: {why}", self.path.display()),
        );
    }

    fn finish(&mut self) -> io::Result<()> {
        self.records = None;
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody is left to hear of a disk that fails now; a torn end is found by its checksum.
        let _ = self.finish();
    }
}

fn write_records(
    mut file: io::BufWriter<File>,
    records: &Receiver<Vec<u8>>,
    bytes: &AtomicU64,
) -> io::Result<()> {
    while let Ok(record) = records.recv() {
        file.write_all(&record)?;
        let mut written = record.len();
        // A burst is written together; a pause brings it to the file.
        while let Ok(record) = records.try_recv() {
            file.write_all(&record)?;
            written += record.len();
        }
        file.flush()?;
        bytes.fetch_add(written as u64, Ordering::Relaxed);
    }
    Ok(())
}
