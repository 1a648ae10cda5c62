//! Many readers of the stream of events, who check that they get every change and see how old it is.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::Fallible;
use crate::node::now;
use crate::process::SECRET;

/// One in so many looks at how old each change is; all of them check that there is no hole.
const SAMPLE: usize = 10;

pub(crate) struct Clients {
    runtime: Runtime,
    readers: Vec<Arc<Reader>>,
}

#[derive(Default)]
struct Reader {
    /// The number of the last event; 0 before everything there is has come.
    last: AtomicU64,
    first: AtomicU64,
    bytes: AtomicU64,
    holes: AtomicU64,
    ended: AtomicBool,
    /// Milliseconds from happening to here.
    ages: Mutex<Vec<f64>>,
}

/// What all of them came to.
pub(crate) struct Sum {
    pub(crate) complete: usize,
    pub(crate) ended: usize,
    pub(crate) deltas_each: u64,
    pub(crate) bytes: u64,
    pub(crate) ages: Vec<f64>,
}

impl Clients {
    /// Opens so many and waits until each has seen everything there is.
    pub(crate) fn open(http: SocketAddr, count: usize) -> Fallible<Clients> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let mut readers = Vec::new();
        for i in 0..count {
            let reader = Arc::new(Reader::default());
            readers.push(reader.clone());
            runtime.spawn(async move {
                if let Err(error) = reader.read(http, i % SAMPLE == 0).await {
                    eprintln!("stream {i}: {error}");
                }
                reader.ended.store(true, Ordering::Relaxed);
            });
        }
        let clients = Clients { runtime, readers };
        clients.wait(
            |reader| reader.last.load(Ordering::Relaxed) > 0,
            "everything there is",
        )?;
        Ok(clients)
    }

    fn wait(&self, until: impl Fn(&Reader) -> bool, what: &str) -> Fallible<()> {
        let begun = Instant::now();
        while !self
            .readers
            .iter()
            .all(|reader| until(reader) || reader.ended.load(Ordering::Relaxed))
        {
            if begun.elapsed() > Duration::from_secs(180) {
                let count = self.readers.iter().filter(|reader| until(reader)).count();
                return Err(format!("{count} of {} streams got {what}", self.readers.len()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What was seen before does not count from here on.
    pub(crate) fn reset(&self) {
        for reader in &self.readers {
            reader
                .first
                .store(reader.last.load(Ordering::Relaxed), Ordering::Relaxed);
            reader.bytes.store(0, Ordering::Relaxed);
            reader.ages.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Waits until all have what one of them has, and sums up.
    pub(crate) fn finish(self) -> Fallible<Sum> {
        std::thread::sleep(Duration::from_millis(200));
        let lasts = || {
            self.readers
                .iter()
                .map(|reader| reader.last.load(Ordering::Relaxed))
        };
        let most = lasts().max().unwrap_or(0);
        self.wait(
            |reader| reader.last.load(Ordering::Relaxed) >= most,
            "the last change",
        )?;
        let mut sum = Sum {
            complete: 0,
            ended: 0,
            deltas_each: 0,
            bytes: 0,
            ages: Vec::new(),
        };
        for reader in &self.readers {
            let ended = reader.ended.load(Ordering::Relaxed);
            sum.ended += usize::from(ended);
            sum.complete += usize::from(!ended && reader.holes.load(Ordering::Relaxed) == 0);
            sum.deltas_each += most - reader.first.load(Ordering::Relaxed);
            sum.bytes += reader.bytes.load(Ordering::Relaxed);
            sum.ages
                .append(&mut reader.ages.lock().unwrap_or_else(PoisonError::into_inner));
        }
        sum.deltas_each /= self.readers.len().max(1) as u64;
        self.runtime.shutdown_background();
        Ok(sum)
    }
}

impl Reader {
    async fn read(&self, http: SocketAddr, sample: bool) -> Fallible<()> {
        let mut stream = TcpStream::connect(http).await?;
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SECRET}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let id = memmem::Finder::new(b"\nid: ");
        let since = memmem::Finder::new(b"\"since\":");
        let mut buffer = vec![0; 64 << 10];
        // Begins with what was left of the last read: less than a line with an id.
        let mut kept = 0;
        loop {
            let count = stream.read(&mut buffer[kept..]).await?;
            if count == 0 {
                return Err("the daemon ended it".into());
            }
            self.bytes.fetch_add(count as u64, Ordering::Relaxed);
            let text = &buffer[..kept + count];
            if self.last.load(Ordering::Relaxed) == 0
                && text.starts_with(b"HTTP/1.1 ")
                && !text.starts_with(b"HTTP/1.1 200")
            {
                return Err(String::from_utf8_lossy(text).into_owned().into());
            }
            if sample && self.last.load(Ordering::Relaxed) > 0 {
                self.ages(text, &since);
            }
            let mut done = 0;
            for place in id.find_iter(text) {
                let line = &text[place + 5..];
                let Some(end) = memchr::memchr(b'\n', line) else {
                    break;
                };
                self.id(&line[..end]);
                done = place + 5 + end;
            }
            // Enough for a line with an id, or a moment, that is not whole.
            let from = done.max(text.len().saturating_sub(48));
            let range = from..kept + count;
            kept = range.len();
            buffer.copy_within(range, 0);
        }
    }

    fn id(&self, line: &[u8]) {
        let number = line.rsplit(|byte| *byte == b'-').next().unwrap_or_default();
        let number = std::str::from_utf8(number)
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        let last = self.last.load(Ordering::Relaxed);
        match number {
            Some(number) if last == 0 => self.first.store(number, Ordering::Relaxed),
            Some(number) if number == last + 1 => {}
            _ => {
                self.holes.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.last.store(number.unwrap_or(last), Ordering::Relaxed);
    }

    fn ages(&self, text: &[u8], since: &memmem::Finder<'_>) {
        let now = now();
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        for place in since.find_iter(text) {
            // What is cut off is not looked at twice: it begins where the next read ends up, and counts there.
            let digits = text
                .get(place + 8..place + 24)
                .and_then(|digits| std::str::from_utf8(digits).ok());
            if let Some(at) = digits.and_then(|digits| digits.parse::<u64>().ok()) {
                ages.push(now.saturating_sub(at) as f64 / 1e3);
            }
        }
    }
}
