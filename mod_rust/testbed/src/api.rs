//! The daemon's HTTP API, as a program with a token uses it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::phone::DEADLINE;

/// Whoever has a token.
pub struct Api {
    http: SocketAddr,
    token: String,
}

impl Api {
    pub(crate) fn new(http: SocketAddr, token: &str) -> Api {
        let token = token.trim().to_owned();
        Api { http, token }
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(self.http).context("connecting to the API")?;
        stream.set_read_timeout(Some(DEADLINE))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.http,
            self.token,
            body.len()
        )?;
        Ok(stream)
    }

    /// Asks for something: status and answer.
    ///
    /// # Errors
    /// There is none, or it is no JSON.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut answer = String::new();
        self.request(method, path, &body)?.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer of the API")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok((
            status,
            serde_json::from_str(body).with_context(|| format!("{method} {path}: {answer}"))?,
        ))
    }

    /// Opens a stream of events.
    ///
    /// # Errors
    /// The daemon has none for us.
    pub fn events(&self, query: &str) -> Result<Events> {
        let stream = self.request("GET", &format!("/api/v1/events{query}"), "")?;
        let mut lines = BufReader::new(stream);
        let mut head = String::new();
        lines.read_line(&mut head)?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("the stream begins with {head:?}");
        }
        Ok(Events(lines))
    }
}

/// A stream of events.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Reads until an event is so: its data.
    ///
    /// # Errors
    /// None came in time.
    pub fn await_one(&mut self, awaited: &str, mut is_it: impl FnMut(&Value) -> bool) -> Result<Value> {
        let begun = Instant::now();
        loop {
            // Signs of life keep a read from timing out.
            if begun.elapsed() > DEADLINE {
                bail!("waited in vain for {awaited}");
            }
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            if read.with_context(|| format!("waited in vain for {awaited}"))? == 0 {
                bail!("the stream ended before {awaited}");
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data)?;
                if is_it(&data) {
                    return Ok(data);
                }
            }
        }
    }
}
