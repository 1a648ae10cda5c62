//! SIP messages as far as a phone on loopback needs them: parsing, building, and the session description.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// A request or response.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Request line or status line.
    pub(super) start: String,
    headers: Vec<(String, String)>,
    /// Session description, if any.
    pub(super) body: String,
}

impl Message {
    /// Reads a datagram; `None` if it is no SIP message (a keep-alive, say).
    pub(super) fn parse(datagram: &[u8]) -> Option<Message> {
        let text = std::str::from_utf8(datagram).ok()?;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        if !start.contains("SIP/2.0") {
            return None;
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                headers.last_mut()?.1.push_str(line);
                continue;
            }
            let (name, value) = line.split_once(':')?;
            headers.push((long_name(name.trim()).to_owned(), value.trim().to_owned()));
        }
        Some(Message {
            start,
            headers,
            body: body.to_owned(),
        })
    }

    /// The method of a request; `None` for a response.
    pub(super) fn method(&self) -> Option<&str> {
        if self.start.starts_with("SIP/2.0") {
            None
        } else {
            self.start.split(' ').next()
        }
    }

    /// The status of a response; `None` for a request.
    pub(super) fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The user part of the request URI; empty in a response.
    pub(super) fn target_user(&self) -> &str {
        user_of(self.start.split(' ').nth(1).unwrap_or_default())
    }

    /// First header of that name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All headers of that name, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// Number and method of `CSeq`.
    pub(super) fn cseq(&self) -> Option<(u32, &str)> {
        let (number, method) = self.header("CSeq")?.split_once(' ')?;
        Some((number.parse().ok()?, method.trim()))
    }

    /// The branch of the topmost `Via`: the transaction.
    pub(super) fn branch(&self) -> &str {
        self.header("Via")
            .and_then(|via| parameter(via, "branch"))
            .unwrap_or_default()
    }
}

fn long_name(name: &str) -> &str {
    match name {
        "v" => "Via",
        "f" => "From",
        "t" => "To",
        "i" => "Call-ID",
        "m" => "Contact",
        "l" => "Content-Length",
        "c" => "Content-Type",
        other => other,
    }
}

/// The value of `;name=` in a header.
pub(super) fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').skip(1).find_map(|part| {
        let (n, value) = part.split_once('=')?;
        (n.trim() == name).then(|| value.trim())
    })
}

/// The user part of the first SIP URI in `text`; empty if there is none.
pub(super) fn user_of(text: &str) -> &str {
    let Some((_, rest)) = text.split_once("sip:") else {
        return "";
    };
    let rest = rest.split(['>', ';', '?']).next().unwrap_or_default();
    rest.split_once('@').map_or("", |(user, _)| user)
}

/// The URI inside the angle brackets of a `Contact`, or the header itself.
pub(super) fn uri_of(header: &str) -> &str {
    header
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(header, |(uri, _)| uri)
}

/// A message under construction.
pub(super) struct Builder(String);

impl Builder {
    /// Begins with a request or status line.
    pub(super) fn new(start: &str) -> Builder {
        Builder(format!("{start}\r\n"))
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &str, value: &str) -> Builder {
        let _ = write!(self.0, "{name}: {value}\r\n");
        self
    }

    /// Adds the headers of `of` with that name.
    pub(super) fn copy(mut self, of: &Message, name: &str) -> Builder {
        for value in of.all(name) {
            self = self.header(name, value);
        }
        self
    }

    /// Ends the message, with a session description if there is one.
    pub(super) fn body(mut self, sdp: Option<&str>) -> Vec<u8> {
        if let Some(sdp) = sdp {
            self = self.header("Content-Type", "application/sdp");
            let _ = write!(self.0, "Content-Length: {}\r\n\r\n{sdp}", sdp.len());
        } else {
            self.0.push_str("Content-Length: 0\r\n\r\n");
        }
        self.0.into_bytes()
    }
}

/// Our session description: µ-law and telephone events at `rtp`. While the phone holds, it only sends.
pub(super) fn describe(rtp: SocketAddr, version: u64, holds: bool) -> String {
    let (ip, port) = (rtp.ip(), rtp.port());
    let direction = if holds { "sendonly" } else { "sendrecv" };
    format!(
        "v=0\r\no=phone {version} {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-16\r\na=ptime:20\r\na={direction}\r\n"
    )
}

/// Where a session description wants its audio.
pub(super) fn media_address(sdp: &str) -> Option<SocketAddr> {
    let ip: IpAddr = sdp
        .lines()
        .find_map(|line| line.strip_prefix("c=IN IP4 "))?
        .split(['/', ' '])
        .next()?
        .trim()
        .parse()
        .ok()?;
    let port: u16 = sdp
        .lines()
        .find_map(|line| line.strip_prefix("m=audio "))?
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    (port != 0).then_some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let sdp = describe("127.0.0.1:4000".parse().unwrap(), 1, false);
        let bytes = Builder::new("INVITE sip:a1001@127.0.0.1:5090 SIP/2.0")
            .header("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx;rport")
            .header("From", "\"A\" <sip:13800000001@127.0.0.1>;tag=t1")
            .header("CSeq", "7 INVITE")
            .body(Some(&sdp));
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.method(), Some("INVITE"));
        assert_eq!(message.target_user(), "a1001");
        assert_eq!(message.branch(), "z9hG4bKx");
        assert_eq!(message.cseq(), Some((7, "INVITE")));
        assert_eq!(user_of(message.header("from").unwrap()), "13800000001");
        assert_eq!(
            media_address(&message.body),
            Some("127.0.0.1:4000".parse().unwrap())
        );
    }

    #[test]
    fn refuses_what_is_no_message() {
        assert!(Message::parse(b"\r\n\r\n").is_none());
        assert!(Message::parse(b"\xff\xfe").is_none());
        assert!(Message::parse(b"INVITE sip:x SIP/2.0\r\nnonsense\r\n\r\n").is_none());
    }
}
